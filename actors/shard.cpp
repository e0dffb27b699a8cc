// SPDX-License-Identifier: Apache-2.0
#include "actors/shard.hpp"

namespace shoal {

shard::shard(caf::actor_config& cfg, swarm_config* config)
    : shard_actor::base(cfg), config_{*config} {}

swarm_actor shard::find_or_spawn(const info_hash& hash) {
  auto* directory = config_.directory;
  if (auto known = directory->lookup(hash).swarm)
    return known;
  auto made = spawn_lean<swarm, swarm_actor>(home_system(), hash, &config_);
  directory->put_swarm(hash, made);
  return made;
}

void shard::on_announce(const announce_request& req, const edge_actor& edge) {
  auto* directory = config_.directory;
  auto known = directory->lookup(req.swarm);
  auto welcome = known.swarm || known.registered
                 || config_.bounds.admit(req.peer.address, directory->swarm_count(), mono_now())
                        == swarm_bounds::verdict::welcome;
  if (welcome) {
    send(find_or_spawn(req.swarm), req, edge);
    return;
  }
  // Somebody invents info-hashes: a valid answer, and no memory.
  announce_reply reply;
  reply.exchange = req.exchange;
  reply.interval_s = config_.intervals.longest(mix_bits(req.identity));
  send(edge, std::move(reply));
}

void shard::on_web_announce(const web_announce& req, const visitor_actor& line) {
  auto* directory = config_.directory;
  auto known = directory->lookup(req.swarm);
  auto welcome = known.swarm || known.registered
                 || config_.bounds.admit(req.client, directory->swarm_count(), mono_now())
                        == swarm_bounds::verdict::welcome;
  if (welcome)
    send(find_or_spawn(req.swarm), req, line);
  else
    send(line, web_reply{req.swarm, config_.web_interval_s, 0, 0, req.arrived_us});
}

shard::behavior_type shard::make_behavior() {
  return {
      [this](const announce_request& req, const edge_actor& edge) { on_announce(req, edge); },
      [this](const web_announce& req, const visitor_actor& line) { on_web_announce(req, line); },
      [this](const paired_peers& facts) { send(find_or_spawn(facts.primary), facts); },
      [this](const paired_traffic& fact) { send(find_or_spawn(fact.primary), fact); },
      [this](const restore_swarm& image) { send(find_or_spawn(image.swarm), image); },
      [](atom::flush) { return atom::flush::value; },
  };
}

} // namespace shoal
