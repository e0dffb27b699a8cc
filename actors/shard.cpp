// SPDX-License-Identifier: Apache-2.0
#include "actors/shard.hpp"

#include "core/log.hpp"

namespace shoal {

shard::shard(caf::actor_config& cfg, const swarm_config* config)
    : shard_actor::base(cfg), config_{*config} {}

swarm_actor shard::find_or_spawn(const info_hash& hash) {
  auto* directory = config_.directory;
  if (auto known = directory->lookup(hash).swarm)
    return known;
  auto made = home_system().spawn<swarm, caf::hidden + caf::lazy_init>(hash, &config_);
  // The swarm leaves the directory when it ends, however it ends: the next announce gets a new one.
  made->attach_functor([directory, hash, id = made->id()](const caf::error& reason) {
    if (directory->drop_swarm(hash, id) && reason && reason != caf::exit_reason::kill
        && reason != caf::exit_reason::user_shutdown)
      log::error("swarm/" + hash.brief(), "ends unexpectedly reason={}", caf::to_string(reason));
  });
  directory->put_swarm(hash, made);
  return made;
}

void shard::on_announce(const announce_request& req, const edge_actor& edge) {
  auto* directory = config_.directory;
  auto known = directory->lookup(req.swarm);
  if (known.swarm || known.registered || directory->swarm_count() < config_.swarms_max) {
    send(find_or_spawn(req.swarm), req, edge);
    return;
  }
  // Somebody invents info-hashes: a valid answer, and no memory.
  announce_reply reply;
  reply.exchange = req.exchange;
  reply.interval_s = config_.interval_s;
  send(edge, std::move(reply));
}

shard::behavior_type shard::make_behavior() {
  return {
      [this](const announce_request& req, const edge_actor& edge) { on_announce(req, edge); },
      [this](const paired_peers& facts) { send(find_or_spawn(facts.primary), facts); },
      [this](const paired_traffic& fact) { send(find_or_spawn(fact.primary), fact); },
      [this](const restore_swarm& image) { send(find_or_spawn(image.swarm), image); },
      [](atom::flush) { return atom::flush::value; },
  };
}

} // namespace shoal
