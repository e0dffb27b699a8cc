// SPDX-License-Identifier: Apache-2.0
#include "actors/web_guests.hpp"

#include "actors/link_convert.hpp"
#include "actors/web_stand_ins.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace shoal {

using cluster::node_number;

bool web_guests::serves(size_t slot, mono_time now) const {
  auto [owner, standby] = routes_.route(slot);
  if (owner != cluster::this_node)
    return standby == cluster::this_node;
  return routes_.epoch(slot) != 0 || !routes_.holds_lease(now);
}

web_guests::guest* web_guests::enter(node_number from, const link_web_announce& x, mono_time now) {
  auto& there = nodes_[from];
  auto at = there.find(x.line);
  if (at == there.end()) {
    if (count_ >= limits::relay_web_guests_max)
      return nullptr;
    at = there.try_emplace(x.line).first;
    at->second.stand_in = spawn_guest(system_, board_, from, x.line);
    ++count_;
  }
  auto& joined = at->second.joined;
  auto same = [&](auto& m) { return m.swarm == x.swarm && m.identity == x.identity; };
  auto known = std::find_if(joined.begin(), joined.end(), same);
  if (known != joined.end())
    known->until = now + swarms_.ttl;
  else if (joined.size() < limits::ws_ids_per_socket_max)
    joined.push_back({x.swarm, x.identity, now + swarms_.ttl});
  else
    return nullptr;
  return &at->second;
}

void web_guests::hear(node_number from, link_web_announce& x, size_t bytes, mono_time now) {
  if (!serves(slot_of(x.swarm), now)
      || board_->due_bytes.load() + bytes > limits::relay_web_due_bytes_max) {
    board_->counted.dropped.add();
    return;
  }
  auto* who = enter(from, x, now);
  if (who == nullptr) {
    board_->counted.dropped.add();
    return;
  }
  auto stand_in = who->stand_in;
  board_->counted.served.add();
  guest_behind(stand_in).owe(bytes);
  link_web_left left{x.line, x.swarm, x.identity};
  auto stopped = x.event == announce_event::stopped;
  swarms_.announce(from_link(std::move(x)), stand_in);
  if (!stopped)
    return;
  auto& joined = who->joined;
  std::erase_if(joined,
                [&](auto& m) { return m.swarm == left.swarm && m.identity == left.identity; });
  if (joined.empty()) {
    nodes_[from].erase(left.line);
    --count_;
  }
}

void web_guests::leave(const guest& who, const membership& from) {
  if (auto swarm = swarms_.directory->lookup(from.swarm).swarm)
    caf::anon_send(swarm, web_left{from.swarm, from.identity, who.stand_in->id()});
}

void web_guests::leave_all(const guest& who) {
  for (auto& m : who.joined)
    leave(who, m);
}

void web_guests::hear(node_number from, const link_web_left& x) {
  auto& there = nodes_[from];
  auto at = there.find(x.line);
  if (at == there.end())
    return;
  auto& who = at->second;
  std::erase_if(who.joined, [&](auto& m) {
    auto meant = x.swarm == info_hash{} || (m.swarm == x.swarm && m.identity == x.identity);
    if (meant)
      leave(who, m);
    return meant;
  });
  if (!who.joined.empty())
    return;
  there.erase(at);
  --count_;
}

void web_guests::cut(node_number node) {
  auto found = nodes_.find(node);
  if (found == nodes_.end())
    return;
  for (auto& [line, who] : found->second)
    leave_all(who);
  count_ -= found->second.size();
  nodes_.erase(found);
}

/// Swarms have forgotten those by themselves.
void web_guests::advance(mono_time now) {
  if (now - swept_ < defaults::relay_web_sweep_period)
    return;
  swept_ = now;
  for (auto& [node, there] : nodes_) {
    for (auto& [line, who] : there)
      std::erase_if(who.joined, [now](auto& m) { return now > m.until; });
    count_ -= std::erase_if(there, [](auto& x) { return x.second.joined.empty(); });
  }
}

} // namespace shoal
