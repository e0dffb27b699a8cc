// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_actor.hpp"
#include "cluster/lmdb_commit_store.hpp"
#include "core/metrics.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

/// See commit_writer_actor: the mailbox and the metrics around `lmdb_commit_store`. Spawn detached.
class commit_writer : public commit_writer_actor::base {
public:
  /// @param store, metrics outlive the actor.
  commit_writer(caf::actor_config& cfg, lmdb_store* store, metrics::registry* metrics);

  behavior_type make_behavior() override;

private:
  using promise = caf::typed_response_promise<uint64_t>;

  promise on_commit(commit_request& req);
  void on_written(std::chrono::nanoseconds took, std::span<const result<uint64_t>> outcomes);

  metrics::histogram& latency_;
  metrics::counter& requests_;
  metrics::counter& failures_;
  cluster::lmdb_commit_store store_;
};

} // namespace shoal
