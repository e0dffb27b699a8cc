// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace shoal {

/// See shard_actor.
class shard : public shard_actor::base {
public:
  /// @param config outlives the actor.
  shard(caf::actor_config& cfg, swarm_config* config);

  behavior_type make_behavior() override;

private:
  void on_announce(const announce_request& req, const edge_actor& edge);
  void on_web_announce(const web_announce& req, const visitor_actor& line);

  /// @returns the swarm of that info-hash, spawned if there is none.
  swarm_actor find_or_spawn(const info_hash& hash);

  swarm_config& config_;
};

} // namespace shoal
