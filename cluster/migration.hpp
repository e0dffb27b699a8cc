// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/cluster_identity.hpp"
#include "cluster/lmdb_copy.hpp"
#include "cluster/migration_marker.hpp"
#include "cluster/registry_check.hpp"
#include "cluster/replica.hpp"

namespace shoal::cluster {

struct migration_config {
  std::string prefix = "shoal/";
  std::string cluster;             ///< Its id; empty: that of etcd, or a new one.
  size_t records_per_commit = 100; ///< etcd's --max-txn-ops is 128.
  size_t bytes_per_commit = size_t{512} << 10;
  std::chrono::milliseconds timeout{5000};
  std::chrono::milliseconds retry{500};
  /// Without progress it gives up; it can go on later. At once where etcd denies access.
  std::chrono::milliseconds patience{60'000};
};

/// Moves a single node's registry into etcd, in commits that each store how far it is, so that it
/// goes on there if it is interrupted, by whatever. Then both are compared, and the store is a copy
/// of the cluster's registry from now on. The node is down meanwhile: its store is open here. No
/// node of the cluster runs: none starts before it is done, and nothing is overwritten.
class migration_into_etcd {
public:
  /// How many records were compared and are the same; or why not. ec::conflict: a node runs, etcd
  /// has a registry of another origin, or the store is a copy; ec::corrupt: they are not the same;
  /// ec::unauthorized: etcd denies access.
  using callback = std::function<void(result<uint64_t> records)>;

  /// All outlive this.
  migration_into_etcd(coordination::store& etcd, lmdb_store& local,
                      const std::function<mono_time()>& now, const migration_config& config);

  /// @param then called once, unless this dies before; never from within.
  void start(callback then);

  /// Tries again what failed: every 50 ms or so.
  void advance();

  /// Records that were written so far, by this process.
  uint64_t written() const { return written_; }

private:
  struct part {
    coordination::transaction what;
    migration_marker reached;
    uint64_t records = 0;
  };

  void look();
  void on_view(const cluster_view& seen);
  result<void> know(const cluster_view& seen);
  void go_on();
  void see_no_node(std::function<void()> then);
  void undo_begin(const error& why);
  void see_that_it_is_empty();
  result<void> mark_source();
  void begin();
  result<part> next_part() const;
  void copy_some();
  void on_copied(const part& done, const coordination::transaction_result& answer);
  void finish();
  void adopt(uint64_t revision);
  result<uint64_t> count() const;
  void later(const error& why);
  void end(result<uint64_t> outcome);

  coordination::store& etcd_;
  lmdb_store& local_;
  const std::function<mono_time()>& now_;
  migration_config config_;
  key_space keys_;
  registry_check check_;
  callback then_;
  bool is_waiting_ = false; // For its next attempt.
  store_state state_;
  std::string cluster_;   // Its id, once known.
  uint64_t identity_ = 0; // Revision of the cluster's identity; 0: there is none.
  uint64_t marker_ = 0;   // Revision of the marker; 0: there is none.
  migration_marker at_;
  uint64_t written_ = 0;
  mono_time next_{};
  mono_time give_up_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Moves a cluster's registry into the store of a single node. No node runs meanwhile. What an
/// interrupted attempt, or a node of that cluster, has left in the store is gone on with.
class migration_into_lmdb final : replica_listener {
public:
  /// How many records were compared and are the same; or why not. ec::conflict: a node runs, or
  /// the store has a registry of its own; ec::not_found: etcd has no cluster; ec::unauthorized:
  /// etcd denies access.
  using callback = std::function<void(result<uint64_t> records)>;

  migration_into_lmdb(coordination::store& etcd, lmdb_store& local,
                      const std::function<mono_time()>& now, const migration_config& config);

  /// @param then called once, unless this dies before; never from within.
  void start(callback then);

  /// Does what is due: every 50 ms or so.
  void advance();

private:
  enum class phase : uint8_t { looking, copying, checking };

  void look();
  void on_view(const cluster_view& seen);
  void see_no_node(std::function<void()> then);
  void find_end();
  void copy();
  void check();
  void finish(uint64_t records);
  void later(const error& why);
  void end(result<uint64_t> outcome);

  void applied(uint64_t, std::span<const replicated>) override {
    give_up_at_ = patience_from_now();
  }
  void replaced(uint64_t) override { give_up_at_ = patience_from_now(); }
  void failed(const error& why) override { trouble_ = why; }
  mono_time patience_from_now() const { return now_() + config_.patience; }

  coordination::store& etcd_;
  lmdb_store& local_;
  const std::function<mono_time()>& now_;
  migration_config config_;
  key_space keys_;
  lmdb_copy disk_;
  std::unique_ptr<replica> copy_; // While it copies.
  registry_check check_;
  callback then_;
  phase phase_ = phase::looking;
  std::function<void()> again_; // What to try at `next_`; nothing: it is under way.
  mono_time next_{};
  std::string cluster_;
  uint64_t goal_ = 0; // Revision at which the registry is taken over.
  std::optional<error> trouble_;
  mono_time give_up_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
