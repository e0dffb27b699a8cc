// SPDX-License-Identifier: Apache-2.0
#include "actors/shard.hpp"

#include "actors/swarm_relay.hpp"

namespace shoal {

shard::shard(caf::actor_config& cfg, swarm_config* config)
    : shard_actor::base(cfg), config_{*config} {}

swarm_actor shard::find_or_spawn(const info_hash& hash) {
  if (auto known = config_.directory->lookup(hash).swarm)
    return known;
  auto copy = config_.copies ? config_.copies->take(hash) : nullptr;
  return begin(hash, copy.get());
}

swarm_actor shard::begin(const info_hash& hash, replica_table::replica* from) {
  auto made = spawn_lean<swarm, swarm_actor>(home_system(), hash, &config_);
  if (from)
    local_swarm(made)->adopt(from->peers, from->born);
  config_.directory->put_swarm(hash, made);
  if (config_.copies)
    config_.copies->begun(slot_of(hash));
  if (from && config_.directory->lookup(hash).registered)
    send(made, atom::refresh::value);
  return made;
}

/// Some in each turn: announces for those that are not there yet must not wait for all.
void shard::on_restore(const restore_slot& order) {
  constexpr size_t at_once = 64;
  if (!config_.copies)
    return;
  auto some = config_.copies->take_some(order.slot, at_once);
  for (auto& [hash, copy] : some) {
    auto living = config_.directory->lookup(hash);
    if (living.blocked)
      continue;
    if (!living.swarm) {
      begin(hash, copy.get());
      continue;
    }
    for (auto& facts : facts_of(copy->peers, config_.now() - copy->born))
      send(living.swarm, merge_swarm{hash, std::move(facts)});
  }
  if (!some.empty())
    send(this, order);
}

swarm_actor shard::find(const info_hash& hash) {
  if (auto known = config_.directory->lookup(hash).swarm)
    return known;
  auto copy = config_.copies ? config_.copies->take(hash) : nullptr;
  return copy ? begin(hash, copy.get()) : swarm_actor{};
}

bool shard::welcomes(const info_hash& hash, const ip_address& who) {
  auto* directory = config_.directory;
  if (directory->lookup(hash).registered || find(hash))
    return true;
  return config_.bounds.admit(who, directory->swarm_count(), mono_now())
         == swarm_bounds::verdict::welcome;
}

void shard::on_announce(const announce_request& req, const edge_actor& edge) {
  if (welcomes(req.swarm, req.peer.address)) {
    send(find_or_spawn(req.swarm), req, edge);
    return;
  }
  // Somebody invents info-hashes: a valid answer, and no memory.
  announce_reply reply;
  reply.exchange = req.exchange;
  reply.interval_s = config_.intervals.longest(mix_bits(req.identity));
  send(edge, std::move(reply));
}

void shard::on_scrape(const scrape_sleeper& req, const edge_actor& edge) {
  if (auto known = find(req.swarm))
    send(known, req.ask, edge);
  else
    send(edge, scrape_reply{req.ask.exchange, req.ask.index, {}});
}

void shard::on_web_announce(const web_announce& req, const visitor_actor& line) {
  if (welcomes(req.swarm, req.client))
    send(find_or_spawn(req.swarm), req, line);
  else
    send(line, web_reply{req.swarm, config_.web_interval_s, 0, 0, req.arrived_us});
}

template <class Fact>
void shard::on_paired(const Fact& fact) {
  if (!config_.others || !config_.others->pass_on(fact))
    send(find_or_spawn(fact.primary), fact);
}

shard::behavior_type shard::make_behavior() {
  return {
      [this](const announce_request& req, const edge_actor& edge) { on_announce(req, edge); },
      [this](const web_announce& req, const visitor_actor& line) { on_web_announce(req, line); },
      [this](const scrape_sleeper& req, const edge_actor& edge) { on_scrape(req, edge); },
      [this](const paired_peers& facts) { on_paired(facts); },
      [this](const paired_traffic& fact) { on_paired(fact); },
      [this](const restore_swarm& image) { send(find_or_spawn(image.swarm), image); },
      [this](const merge_swarm& facts) { send(find_or_spawn(facts.swarm), facts); },
      [this](const restore_slot& order) { on_restore(order); },
      [](atom::flush) { return atom::flush::value; },
  };
}

} // namespace shoal
