// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_actor.hpp"
#include "cluster/registry_service.hpp"
#include "core/metrics.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <unordered_map>

namespace shoal {

/// How a commit ended.
struct commit_outcome {
  uint64_t ticket = 0;
  uint64_t revision = 0; ///< 0: it failed.
  uint8_t code = 0;      ///< Of the error.
  std::string detail;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, commit_outcome& x) {
  return f(x.ticket, x.revision, x.code, x.detail);
}

/// The writer of a node in a cluster: passes commits on to the commit thread. Answers when a commit
/// is durable and this node's memory has been told of it, so that whoever asked, and asks a shard
/// next, finds it there. Errors also: ec::not_owner. Lost when it dies: answers.
using cluster_writer_actor = commit_writer_actor::extend<
    // INTERNAL: the commit thread has spoken.
    caf::reacts_to<commit_outcome>>;

class cluster_writer : public cluster_writer_actor::base {
public:
  /// @param service set before the first commit; all outlive the actor.
  cluster_writer(caf::actor_config& cfg, cluster::registry_service* const* service,
                 metrics::registry* metrics);

  behavior_type make_behavior() override;

private:
  using promise = caf::typed_response_promise<uint64_t>;

  struct waiting {
    promise answer;
    mono_time since;
  };

  promise on_commit(commit_request& what);
  void on_outcome(const commit_outcome& x);

  cluster::registry_service* const& service_;
  metrics::histogram& latency_;
  metrics::counter& requests_;
  metrics::counter& failures_;
  uint64_t last_ticket_ = 0;
  std::unordered_map<uint64_t, waiting> waiting_; // Bounded by the commit thread's queue.
};

} // namespace shoal
