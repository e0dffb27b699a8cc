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

shard::behavior_type shard::make_behavior() {
  return {
      [this](const announce_request& req, const edge_actor& edge) {
        send(find_or_spawn(req.swarm), req, edge);
      },
      [this](const paired_peers& facts) { send(find_or_spawn(facts.primary), facts); },
      [this](const restore_swarm& image) { send(find_or_spawn(image.swarm), image); },
  };
}

} // namespace shoal
