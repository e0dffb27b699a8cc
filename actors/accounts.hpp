// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_actor.hpp"
#include "actors/usage_ledger.hpp"
#include "cluster/registry_service.hpp"
#include "core/metrics.hpp"
#include "persistence/lmdb_store.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>

namespace shoal {

struct accounts_config {
  const lmdb_store* store = nullptr; ///< Outlives the actor.
  commit_writer_actor writer;
  std::function<unix_seconds()> now; ///< Wall time; fixed in tests.
  std::chrono::milliseconds flush_period{1000};

  /// In a cluster: where traffic is counted. Outlives the actor; null on a single node.
  cluster::registry_service* cluster = nullptr;
};

/// See accounts_actor.
class accounts : public accounts_actor::base {
public:
  accounts(caf::actor_config& cfg, accounts_config config, metrics::registry* metrics);

  behavior_type make_behavior() override;

private:
  using promise = caf::typed_response_promise<atom::flush>;

  /// Writes the sums of that many users, one batch after the other, unless one fails. Those that
  /// come meanwhile wait for the next tick: else a busy node would never end.
  void flush(std::vector<promise> waiting, size_t users);
  result<commit_request> plan(const std::vector<usage_entry>& batch);
  void end_flush(std::vector<promise> waiting, const caf::error& failure);
  void arm();
  bool counts_in_cluster() const { return config_.cluster != nullptr; }
  void count(const user_traffic& x);
  void flush_cluster(promise answer);
  void end_cluster_flush(bool written);

  accounts_config config_;
  metrics::counter& dropped_;
  usage_ledger ledger_;
  std::deque<promise> cluster_flushes_; // The oldest first, as they are answered.
  std::vector<promise> waiters_;        // Asked while a flush was under way.
  bool flushing_ = false;
  bool armed_ = false;
};

} // namespace shoal
