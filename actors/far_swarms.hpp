// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/swarm.hpp"
#include "actors/swarm_places.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <unordered_map>

namespace shoal {

/// Asks for what an operator may see of a swarm of another node.
struct describe_far_swarm {
  info_hash swarm;
  uint32_t addresses_max = 0; ///< Of the answer: at most limits::relay_described_max.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, describe_far_swarm& x) {
  return f(x.swarm, x.addresses_max);
}

/// What another node says about it.
struct far_description {
  uint64_t ticket = 0;
  uint8_t code = 0; ///< Of the error; 0: there is none.
  std::string text; ///< A link_description, or details of the error.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, far_description& x) {
  return f(x.ticket, x.code, x.text);
}

/// Asks other nodes about their swarms. Spawned by the SWARM_RELAY, asked by EDGES. Lost when it
/// dies: the questions under way.
using far_swarms_actor
    = caf::typed_actor<caf::replies_to<describe_far_swarm>::with<swarm_description>,
                       // INTERNAL: another node has answered, or will not.
                       caf::reacts_to<far_description>>;

/// See far_swarms_actor.
class far_swarms : public far_swarms_actor::base {
public:
  /// @param between, routes outlive the actor.
  far_swarms(caf::actor_config& cfg, cluster::links* between, cluster::slot_routes* routes);

  behavior_type make_behavior() override;

private:
  using promise = caf::typed_response_promise<swarm_description>;

  struct question {
    describe_far_swarm what;
    promise answer;
    cluster::node_number second = cluster::nobody; ///< Whom to ask if the first one fails.
  };

  promise on_describe(const describe_far_swarm& what);
  void on_description(const far_description& x);
  void ask(cluster::node_number node, question q);

  cluster::links& between_;
  cluster::slot_routes& routes_;
  std::unordered_map<uint64_t, question> waiting_;
  uint64_t last_ = 0;
};

} // namespace shoal
