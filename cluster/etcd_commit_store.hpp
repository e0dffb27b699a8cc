// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/commit_group.hpp"
#include "cluster/commit_lane.hpp"
#include "cluster/replica.hpp"

#include <list>

namespace shoal::cluster {

struct etcd_commit_config {
  std::string node; ///< This node's id.
  uint64_t incarnation = 0;
  std::string prefix = "shoal/";

  size_t lanes = 4;       ///< Transactions under way at once, 1..
  size_t beside_min = 64; ///< So many writes may go beside a transaction that is under way ...
  std::chrono::milliseconds beside_after{50}; ///< ... or fewer, if that takes longer than this.

  /// Those whom a transaction of so many answers write again within moments of each other: the
  /// first of them waits for the others, a part of what that transaction took.
  size_t gather_min = 4;
  std::chrono::microseconds gather_max{8000};
  /// Calls back on the store's thread after a while; without it nobody waits for others.
  std::function<void(std::chrono::microseconds, std::function<void()>)> later;

  size_t queue_max = 4096;                      ///< Writes that wait or are not answered.
  size_t queue_bytes_max = size_t{64} << 20;    ///< Their keys and values.
  size_t group_operations_max = 120;            ///< etcd's --max-txn-ops is 128; a lane adds one.
  size_t group_bytes_max = size_t{1} << 20;     ///< Shared; etcd's --max-request-bytes is 1.5 MB.
  size_t write_bytes_max = size_t{1400} * 1024; ///< Of one write alone.
  size_t window = 512; ///< How far behind the first that waits a transaction takes others along.

  std::chrono::milliseconds timeout{1000};         ///< Of one question to etcd.
  std::chrono::milliseconds patience{3000};        ///< Then a write that is not under way fails.
  std::chrono::milliseconds answer_patience{9000}; ///< Then one that is gets ec::timeout.
  flaw broken = flaw::none;
  commit_meters* meters = nullptr; ///< If somebody wants to know; outlives the store.
};

struct etcd_commit_stats {
  size_t open = 0;   ///< Not answered.
  size_t queued = 0; ///< Of these, not under way to etcd.
  size_t bytes = 0;
  size_t lanes_busy = 0;
  size_t lanes_lost = 0;     ///< That find out what became of a transaction.
  uint64_t transactions = 0; ///< Sent.
  uint64_t shared = 0;       ///< Writes in them.
  uint64_t failed = 0;       ///< Transactions in which a condition failed.
  uint64_t unknown = 0;      ///< Writes answered with ec::timeout.
};

/// The commit store of a cluster. Whatever waits while a transaction is under way shares the next
/// one, across slots; only many, or what a slow one keeps waiting, go beside it. Each brings the
/// condition that its slot is still this node's. If one condition fails, the write that brought it
/// is answered and the others go again.
///
/// A write is acknowledged when this node's own copy has it; one that failed, when the copy has
/// what it failed of, so that a new plan does not run into the same again. Without etcd writes fail
/// with ec::unavailable within `patience`, at once if it is known to be away. Lost when it dies:
/// what is not answered, each with ec::shutting_down.
class etcd_commit_store final : public commit_store {
public:
  /// The condition that this node owns a slot, as `membership::guard`; nothing: it does not.
  using slot_guard = std::function<std::optional<coordination::condition>(size_t slot)>;

  /// @param store, copy, now outlive this.
  etcd_commit_store(coordination::store& store, copy_progress& copy, slot_guard guard,
                    const std::function<mono_time()>& now, const etcd_commit_config& config);
  ~etcd_commit_store() override;

  etcd_commit_store(const etcd_commit_store&) = delete;
  etcd_commit_store& operator=(const etcd_commit_store&) = delete;

  void commit(durable_write what, callback then) override;

  /// Does what is due: every 50 ms or so.
  void advance();

  etcd_commit_stats stats() const;

private:
  std::optional<error> refuse(const commit_member& m) const;
  void dispatch();
  commit_group gather();
  void send(commit_lane& lane, commit_group group);
  void on_ending(const commit_group& group, commit_lane::ending how);
  void on_conditions(const commit_group& group, const coordination::transaction_result& failed);
  void go_again(const commit_group& group, const std::vector<bool>& which);
  void settle(const commit_member_ptr& m, result<uint64_t> outcome, uint64_t seen);
  void answer(const commit_member_ptr& m, result<uint64_t> outcome);
  bool is_away() const;
  bool may_go_now();
  bool is_gathering();

  coordination::store& store_;
  copy_progress& copy_;
  slot_guard guard_;
  const std::function<mono_time()>& now_;
  etcd_commit_config config_;
  key_space keys_;
  std::vector<std::unique_ptr<commit_lane>> lanes_;
  mono_time sent_last_{};
  size_t shared_last_ = 0; // Writes in the transaction that ended last, and how long it took.
  mono_time::duration took_last_{};
  std::optional<mono_time> gathers_until_;
  std::list<commit_member_ptr> queue_;
  std::list<commit_member_ptr> open_; // All that is not answered, by age.
  key_locks locks_;                   // Of what is under way.
  std::vector<commit_member_ptr> disowned_;
  etcd_commit_stats stats_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
