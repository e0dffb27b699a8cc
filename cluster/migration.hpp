// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/lmdb_copy.hpp"
#include "cluster/registry_check.hpp"
#include "cluster/replica.hpp"

namespace shoal::cluster {

struct migration_config {
  std::string prefix = "shoal/";
  size_t records_per_commit = 100; ///< etcd's --max-txn-ops is 128.
  size_t bytes_per_commit = size_t{512} << 10;
  std::chrono::milliseconds timeout{5000};
  std::chrono::milliseconds retry{500};
  std::chrono::milliseconds patience{60'000}; ///< Without progress it gives up; it can go on later.
};

/// Moves a single node's registry into etcd, in commits that each store how far it is, so that it
/// goes on there if it is interrupted, by whatever. Then both are compared. The node is down
/// meanwhile: its store is open here.
class migration_into_etcd {
public:
  /// How many records were compared and are the same; or why not. ec::conflict: etcd has a
  /// registry of another origin.
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
  /// All before it is in etcd.
  struct position {
    size_t table = 0; // Index of shared_tables; beyond them: everything is.
    std::string after;

    bool is_end() const { return table == shared_tables.size(); }
  };

  struct part {
    coordination::transaction what;
    position reached;
    uint64_t records = 0;
  };

  result<void> identify();
  void look();
  void on_marker(const coordination::range_page& page);
  void see_that_it_is_empty();
  result<part> next_part() const;
  void copy_some();
  void on_copied(const part& done, const coordination::transaction_result& answer);
  std::string marker_of(const position& at) const;
  std::optional<position> parse_marker(std::string_view text) const;
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
  std::string source_;      // Names the registry that is moved.
  uint64_t marker_ = 0;     // Revision of the marker; 0: there is none.
  position at_;
  uint64_t written_ = 0;
  mono_time next_{};
  mono_time give_up_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Moves a cluster's registry into the store of a single node. No node may write meanwhile. What an
/// interrupted attempt, or a node of that cluster, has left in the store is gone on with.
class migration_into_lmdb final : replica_listener {
public:
  /// How many records were compared and are the same; or why not. ec::conflict: the store has a
  /// registry of its own.
  using callback = std::function<void(result<uint64_t> records)>;

  migration_into_lmdb(coordination::store& etcd, lmdb_store& local,
                      const std::function<mono_time()>& now, const migration_config& config);

  /// @param then called once, unless this dies before; never from within.
  void start(callback then);

  /// Does what is due: every 50 ms or so.
  void advance();

private:
  result<void> see_that_it_may();
  void find_end();
  void check();
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
  replica copy_;
  registry_check check_;
  callback then_;
  bool is_asking_ = false;
  bool is_checking_ = false;
  uint64_t goal_ = 0; // Revision at which the registry is taken over.
  std::optional<error> trouble_;
  mono_time give_up_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
