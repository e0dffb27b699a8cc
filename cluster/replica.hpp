// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/copy_diff.hpp"
#include "cluster/flaw.hpp"
#include "cluster/keys.hpp"
#include "cluster/range_follower.hpp"

#include <map>

namespace shoal::cluster {

/// How far this node's copy of the registry is, for whoever must not run ahead of it.
class copy_progress {
public:
  /// A revision that somebody waits for, and a number.
  using ticket = std::pair<uint64_t, uint64_t>;

  virtual ~copy_progress() = default;

  /// Of etcd: a read here sees every write up to it. 0: there is nothing to read yet.
  virtual uint64_t revision() const = 0;

  /// Calls back once the copy is that far; never, if this dies before. From within the call if it
  /// is so already.
  virtual ticket await(uint64_t revision, std::function<void()> then) = 0;

  /// Does not call back, if it has not yet.
  virtual void forget(const ticket& of) = 0;

  /// Sees to it that the copy gets that far soon, even if nobody writes.
  virtual void reach(uint64_t revision) = 0;
};

struct replica_config {
  std::string node; ///< This node's id.
  std::string prefix = "shoal/";
  std::string cluster; ///< The cluster's id, as cluster_identity has it; never empty.
  range_follower::config follow{};

  /// What a resync may hold in memory to happen in one transaction. A difference beyond is written
  /// in parts, and until it is complete nothing is served.
  size_t diff_bytes_max = size_t{64} << 20;

  /// How often the position of a registry that nobody writes is stored.
  std::chrono::milliseconds progress_period{30'000};
  std::chrono::milliseconds barrier_timeout{1000};

  /// How old the newest write to the registry may get. A node that was away shows by it that etcd's
  /// history is still the one of its copy, and it must not be compacted before.
  std::chrono::milliseconds witness_period{60'000};

  /// Others may have done the same for as long as this, so that not all of them do.
  std::chrono::milliseconds witness_spread{2000};
  flaw broken = flaw::none;
};

/// What a replica tells the layer above, from within `advance` and the store's callbacks.
class replica_listener {
public:
  virtual ~replica_listener() = default;

  /// The copy has these changes since the last call, in order, and is at `revision`.
  virtual void applied(uint64_t revision, std::span<const replicated> changes) = 0;

  /// Anything may have changed: read the copy again.
  virtual void replaced(uint64_t revision) = 0;

  /// ec::corrupt: etcd went back in time, and nothing more is applied: this copy has what etcd
  /// lacks. ec::conflict: the store is no copy of this cluster but has a registry; it is left as it
  /// is. Otherwise the copy cannot be written; it is tried again.
  virtual void failed(const error& why) = 0;
};

/// Keeps the node's copy of `shoal/data/`. Position and changes are stored in one transaction, so a
/// restart goes on from there; what etcd has compacted meanwhile is found by comparing the whole
/// range, page by page. A copy never goes back, and is never read half-way.
///
/// Lost when it dies: nothing; those who `await` are not called.
class replica final : public copy_progress, range_follower::listener {
public:
  /// All outlive the replica.
  replica(coordination::store& store, replica_copy& copy, const std::function<mono_time()>& now,
          replica_listener& who, const replica_config& config);
  ~replica() override;

  /// Does what is due: every 50 ms or so.
  void advance();

  /// 0 too as long as nobody knows whether etcd has what a restarted node's copy has.
  uint64_t revision() const override { return is_complete_ && is_proven_ ? at_ : 0; }
  ticket await(uint64_t revision, std::function<void()> then) override;
  void forget(const ticket& of) override { waiting_.erase(of); }
  void reach(uint64_t revision) override { wanted_ = std::max(wanted_, revision); }

  /// Sees to it that the copy soon has all that etcd has by now; it has when `proven` is that
  /// number, and may never be if etcd does not answer soon: then ask again. One write to etcd does
  /// for all who have asked, the next comes when that one is here.
  /// @param number grows from call to call.
  void prove(uint64_t number) { doubted_ = std::max(doubted_, number); }
  uint64_t proven() const { return proven_; }

  bool has_stopped() const { return stopped_; }

  /// Whether what came last could not be written: the copy is behind, however well it follows.
  bool is_held_up() const { return is_held_up_; }
  const range_follower& follower() const { return follower_; }

  /// Keys of etcd's range that were read whole so far, to see that it goes on.
  uint64_t keys_read() const { return follower_.keys_read(); }

  /// How many `await`.
  size_t waiting() const { return waiting_.size(); }

private:
  void load();
  void renew_witness(mono_time when);
  result<void> see_whose();
  bool keep(std::span<const replicated> changes, const copy_position& at);
  void read_again();
  void on_barrier(const result<coordination::transaction_result>& answer);
  void moved_to(uint64_t revision);
  void send_barrier(mono_time now);
  void send_proof(mono_time now);
  coordination::transaction own_write(mono_time now);

  bool takes_pages() const override { return true; }
  void page(uint64_t revision, std::span<const coordination::key_value> keys, bool first) override;
  void replaced(uint64_t revision, std::span<const coordination::key_value> keys) override;
  void changed(uint64_t revision, std::span<const coordination::watch_event> events) override;
  void resumed() override;
  void went_back(uint64_t from, uint64_t to) override;

  coordination::store& store_;
  replica_copy& copy_;
  const std::function<mono_time()>& now_;
  replica_listener& listener_;
  replica_config config_;
  key_space keys_;
  std::string prefix_;
  range_follower follower_;
  copy_diff diff_;
  bool loaded_ = false;
  bool stopped_ = false;
  bool is_held_up_ = false;
  bool is_complete_ = false;
  bool is_proven_ = false; // That etcd's history is the copy's.
  uint64_t at_ = 0;        // What the copy holds, if it is complete.
  range_witness witness_;  // Of that.
  range_witness stored_;   // As it is in the copy.
  mono_time renew_at_{};   // When a write of our own has to be the next witness.
  mono_time store_at_{}; // When to store the position though nothing was written; or to load again.
  uint64_t wanted_ = 0;
  uint64_t overdue_ = 0; // What was wanted at the last tick already.
  bool barrier_sent_ = false;
  uint64_t barrier_at_ = 0; // Its revision, once known.
  mono_time barrier_until_{};
  uint64_t writes_ = 0; // Of this kind.
  uint64_t doubted_ = 0;
  uint64_t proving_ = 0; // Of the write that is under way, or was the last one.
  uint64_t proven_ = 0;
  ticket proof_;
  bool has_proof_failed_ = false;
  mono_time proof_until_{};        // Until then no other write for a proof.
  mono_time proof_wanted_until_{}; // Until then somebody waits.
  std::map<ticket, std::function<void()>> waiting_;
  uint64_t tickets_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
