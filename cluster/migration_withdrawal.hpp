// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/migration.hpp"

namespace shoal::cluster {

/// Takes back a migration into etcd that is not done: erases from etcd what it has put there, and
/// the store is that of a single node again, as it is. So what a node has written into the store
/// meanwhile is kept, and the way out if the comparison has found a difference.
class migration_withdrawal {
public:
  struct outcome {
    uint64_t erased = 0;   ///< Records, in etcd.
    uint64_t differed = 0; ///< Of them: not the same in the store, or not there.
  };

  /// ec::conflict: it is done, or a node runs; ec::not_found: none has begun; ec::unauthorized:
  /// etcd denies access.
  using callback = std::function<void(result<outcome>)>;

  /// All outlive this.
  migration_withdrawal(coordination::store& etcd, lmdb_store& local,
                       const std::function<mono_time()>& now, const migration_config& config);

  /// @param then called once, unless this dies before; never from within.
  void start(callback then);

  /// Tries again what failed: every 50 ms or so.
  void advance();

private:
  void look();
  void on_view(const cluster_view& seen);
  void see_no_node();
  void read();
  void erase(const coordination::range_page& page);
  void forget();
  void later(const error& why);
  void end(result<outcome> what);

  coordination::store& etcd_;
  lmdb_store& local_;
  const std::function<mono_time()>& now_;
  migration_config config_;
  key_space keys_;
  callback then_;
  bool is_waiting_ = false; // For its next attempt.
  uint64_t marker_ = 0;     // Its revision.
  outcome sum_;
  mono_time next_{};
  mono_time give_up_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
