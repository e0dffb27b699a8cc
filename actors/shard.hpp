// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm.hpp"
#include "actors/swarm_copies.hpp"

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

  void on_scrape(const scrape_sleeper& req, const edge_actor& edge);
  void on_restore(const restore_slot& order);

  template <class Fact>
  void on_paired(const Fact& fact);

  /// @returns the swarm of that info-hash, which has begun if there was none.
  swarm_actor find_or_spawn(const info_hash& hash);
  swarm_actor begin(const info_hash& hash, replica_table::replica* from);

  /// @returns the swarm if it is awake or the slot's copy has it; else an invalid handle.
  swarm_actor find(const info_hash& hash);

  /// Whether one may announce a swarm: anybody if it is known, else as far as bounds allow.
  /// What a copy has of it is made a swarm again.
  bool welcomes(const info_hash& hash, const ip_address& who);

  swarm_config& config_;
};

} // namespace shoal
