// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm.hpp"

namespace shoal {

/// See shard_actor.
class shard : public shard_actor::base {
public:
  /// @param config outlives the actor.
  shard(caf::actor_config& cfg, const swarm_config* config);

  behavior_type make_behavior() override;

private:
  void on_announce(const announce_request& req, const edge_actor& edge);

  /// @returns the swarm of that info-hash, spawned if there is none.
  swarm_actor find_or_spawn(const info_hash& hash);

  const swarm_config& config_;
};

} // namespace shoal
