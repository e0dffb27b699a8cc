// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/far_swarms.hpp"
#include "actors/swarm_directory.hpp"
#include "core/metrics.hpp"

namespace shoal {

/// What swarms of one torrent tell each other across nodes, and what operators ask about swarms of
/// other nodes. Thread-safe.
class swarm_relay {
public:
  /// Begins to serve. Before the first `follow` of the links. @param between, places, routes
  /// outlive it.
  swarm_relay(cluster::links& between, const swarm_places& places, cluster::slot_routes& routes,
              metrics::registry& registry);
  ~swarm_relay();

  /// The swarms of this node are there; they outlive `stop`.
  void attach(caf::actor_system& sys, const swarm_directory& directory,
              const std::array<shard_actor, slot_count>& shards);

  /// Lets go of all actors; nothing is passed on any more. Before the actor system goes.
  void stop();

  /// Whether this node has the swarm, as far as anybody has it.
  bool is_here(const info_hash& swarm) const;

  /// Asks about swarms that are not here. While they are attached.
  const far_swarms_actor& far() const { return far_; }

  // -- what a torrent's other swarms say to the primary one ------------------------------

  /// Passes it on to the node that has the primary swarm. @returns false if this node has it.
  bool pass_on(const paired_peers& facts);
  bool pass_on(const paired_traffic& fact);

  /// @returns a number that changes whenever the primary swarm may not know any more what it was
  /// told, so that all of it must be said again.
  uint32_t place_of(const info_hash& primary) const;

private:
  /// What handlers of the links use, who may outlive this.
  struct local;

  bool pass_on(const info_hash& primary, std::string body, bool again);

  cluster::links& between_;
  const swarm_places& places_;
  cluster::slot_routes& routes_;
  const std::shared_ptr<local> local_;
  far_swarms_actor far_;
};

} // namespace shoal
