// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_clients.hpp"

namespace shoal::sim {

namespace {

constexpr size_t clients_max = 400;
constexpr size_t tries = 5; ///< To find one that does not wait.

} // namespace

sim_clients::sim_clients(timeline& time, size_t slots, listener heard)
    : time_{time}, heard_{std::move(heard)} {
  all.reserve(clients_max);
  // One swarm in each slot, and more in some.
  for (size_t i = 0; i < slots + slots / 2; ++i) {
    info_hash name;
    name.bytes[0] = static_cast<uint8_t>(i % slots);
    name.bytes[1] = static_cast<uint8_t>(i);
    swarms_.push_back(name);
  }
}

void sim_clients::act(sim_tracker& at) {
  auto& random = time_.random;
  auto newcomers = all.empty() ? 1000u : all.size() < clients_max / 2 ? 700u : 300u;
  if (all.size() < clients_max && random.chance(newcomers)) {
    sim_client made;
    made.swarm = swarms_[random.below(swarms_.size())];
    made.number = static_cast<uint32_t>(all.size());
    made.seeds = random.chance(400);
    all.push_back(made);
    return say(at, all.size() - 1, announce_event::started);
  }
  for (size_t i = 0; i < tries; ++i) {
    auto who = random.below(all.size());
    auto& c = all[who];
    if (c.waits || c.is == sim_client::stage::gone)
      continue;
    if (random.chance(100)) {
      c.is = sim_client::stage::gone;
      c.left = time_.now();
      return say(at, who, announce_event::stopped);
    }
    auto completes = !c.seeds && random.chance(200);
    c.seeds = c.seeds || completes;
    return say(at, who, completes ? announce_event::completed : announce_event::none);
  }
}

void sim_clients::act_all(const std::vector<sim_tracker*>& at) {
  for (size_t who = 0; who < all.size(); ++who)
    if (!all[who].waits && all[who].is != sim_client::stage::gone)
      say(*at[time_.random.below(at.size())], who, announce_event::none);
}

void sim_clients::repeat(sim_tracker& at, const info_hash& swarm) {
  for (size_t who = 0; who < all.size(); ++who)
    if (all[who].swarm == swarm && !all[who].waits && all[who].is == sim_client::stage::there)
      return say(at, who, announce_event::none);
}

void sim_clients::say(sim_tracker& at, size_t who, announce_event event) {
  auto& c = all[who];
  c.waits = true;
  c.doomed = false;
  c.at = at.id();
  c.asked = time_.now();
  announce_request req;
  req.swarm = c.swarm;
  req.identity = c.identity();
  req.peer = {
      ip_address::v4({10, 1, static_cast<uint8_t>(c.number >> 8), static_cast<uint8_t>(c.number)}),
      6881};
  req.left = c.seeds ? 0 : 7;
  req.event = event;
  req.numwant = 5;
  at.announce(std::move(req), who);
}

void sim_clients::answered(size_t client, const announce_reply* reply, duration took) {
  auto& c = all[client];
  c.waits = false;
  if (reply && c.is != sim_client::stage::gone) {
    c.is = sim_client::stage::there;
    c.excused = c.doomed;
    c.acknowledged = time_.now();
  }
  heard_(c, reply, took);
}

void sim_clients::hung_up(size_t client, duration) {
  all[client].waits = false;
  ++hung_up_;
}

} // namespace shoal::sim
