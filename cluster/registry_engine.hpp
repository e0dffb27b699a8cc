// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/counter_flusher.hpp"
#include "cluster/etcd_commit_store.hpp"
#include "cluster/follow_monitor.hpp"
#include "cluster/lmdb_copy.hpp"
#include "cluster/slot_routes.hpp"

#include <algorithm>

namespace shoal::cluster {

/// What changed in the copy, in order; shared by all who follow it.
using registry_changes = std::shared_ptr<const std::vector<replicated>>;

/// Who keeps memory in step with the copy. Called on the commit thread, before whoever wrote hears
/// that it is done.
class registry_listener {
public:
  virtual ~registry_listener() = default;

  virtual void applied(uint64_t revision, registry_changes changes) = 0;

  /// Anything may have changed: read the store again.
  virtual void replaced(uint64_t revision) = 0;

  /// ec::corrupt: etcd went back in time, and this node must not go on. Otherwise the copy cannot
  /// be written; it is tried again.
  virtual void failed(const error& why) = 0;
};

struct registry_engine_config {
  std::string cluster; ///< Its id.
  std::string node;    ///< This node's id.
  uint64_t incarnation = 0;
  std::string prefix = "shoal/";
  bool claims_counters = true; ///< False: no other process can have this node's id, as in tests.
  range_follower::config follow{};
  std::chrono::milliseconds probe_period{1000};  ///< Between questions whether etcd is there.
  std::chrono::milliseconds probe_timeout{1000}; ///< Of each.
  commit_meters* meters = nullptr; ///< If somebody wants to know; outlives the engine.
  /// As `etcd_commit_config::later`.
  std::function<void(std::chrono::microseconds, std::function<void()>)> later;
};

/// A node's part in the cluster's registry: the copy that follows etcd, the commits, the counters.
/// Sans I/O and single-threaded; `registry_service` gives it a thread. Lost when it dies: what is
/// not answered, each with ec::shutting_down, and counts that were not flushed.
class registry_engine final : replica_listener, commit_store {
public:
  using counted = std::function<void(const commit_request& written)>;

  /// All outlive the engine.
  registry_engine(coordination::store& etcd, lmdb_store& store, const slot_routes& routes,
                  const std::function<mono_time()>& now, registry_listener& who,
                  const registry_engine_config& config, counted on_counted = {});
  ~registry_engine() override;

  registry_engine(const registry_engine&) = delete;
  registry_engine& operator=(const registry_engine&) = delete;

  /// Does what is due: every 50 ms or so.
  void advance();

  /// Makes a write durable if this node owns its `guarding_slot`, or it has none. Answers when the
  /// copy has it and memory has been told. @errors as `commit_store`.
  void commit(commit_request what, commit_store::callback then);

  /// What it has written, `on_counted` hears of.
  counter_flusher& counters() { return *counters_; }

  /// Sees to it that the copy gets that far soon, even if nobody writes.
  void reach(uint64_t revision) { copy_->reach(revision); }

  /// See `replica`.
  void prove(uint64_t number) { copy_->prove(number); }
  uint64_t proven() const { return copy_->proven(); }

  uint64_t revision() const { return copy_->revision(); }
  bool has_stopped() const { return copy_->has_stopped(); }
  uint64_t keys_read() const { return copy_->keys_read(); }
  etcd_commit_stats commits() const { return commits_->stats(); }

  uint64_t resumptions() const { return copy_->follower().resumptions(); }
  uint64_t resyncs() const { return copy_->follower().resyncs(); }

  /// Of etcd, as it said last. It moves on with keys of others too, so the copy may never get
  /// there.
  uint64_t etcd_revision() const { return std::max(etcd_revision_, revision()); }

  /// When the copy was certainly as new as etcd, the last time.
  mono_time synced_at() const { return synced_at_; }

  /// Whether etcd answered when it was asked the last time.
  bool is_reachable() const { return is_reachable_; }

private:
  void applied(uint64_t revision, std::span<const replicated> changes) override;
  void replaced(uint64_t revision) override { who_.replaced(revision); }
  void failed(const error& why) override { who_.failed(why); }
  void commit(durable_write what, commit_store::callback then) override;
  std::optional<coordination::condition> guard(size_t slot) const;
  void probe(mono_time now);
  void claim_counters(mono_time now);

  follow_monitor etcd_;
  const slot_routes& routes_;
  const std::function<mono_time()>& now_;
  registry_listener& who_;
  registry_engine_config config_;
  counted on_counted_;
  key_space keys_;
  lmdb_copy disk_;
  std::unique_ptr<replica> copy_;
  std::unique_ptr<etcd_commit_store> commits_;
  counter_config counting_;
  std::unique_ptr<counter_flusher> counters_;
  mono_time probe_at_{};
  mono_time synced_at_{};
  uint64_t etcd_revision_ = 0;
  bool is_reachable_ = true;
  bool is_probing_ = false;
  bool is_claiming_ = false;
  mono_time claim_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
