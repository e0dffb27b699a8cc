// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_actor.hpp"
#include "core/metrics.hpp"
#include "persistence/lmdb_store.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

/// See commit_writer_actor. Spawn detached.
class commit_writer : public commit_writer_actor::base {
public:
  /// @param store, metrics outlive the actor.
  commit_writer(caf::actor_config& cfg, lmdb_store* store, metrics::registry* metrics);

  behavior_type make_behavior() override;

private:
  using promise = caf::typed_response_promise<uint64_t>;

  promise on_commit(commit_request& req);
  void on_flush();

  lmdb_store& store_;
  metrics::histogram& latency_;
  metrics::counter& requests_;
  metrics::counter& failures_;
  std::vector<commit_request> waiting_;
  std::vector<promise> promises_; // One per waiting request.
};

} // namespace shoal
