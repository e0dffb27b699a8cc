// SPDX-License-Identifier: Apache-2.0
#include "actors/web_home.hpp"

#include "actors/link_convert.hpp"
#include "actors/web_stand_ins.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace shoal {

using cluster::node_number;

using where = relay_pick::where;

void web_swarms::announce(web_announce req, const visitor_actor& line) const {
  if (auto swarm = directory->lookup(req.swarm).swarm)
    caf::anon_send(swarm, std::move(req), line);
  else
    caf::anon_send((*shards)[slot_of(req.swarm)], std::move(req), line);
}

size_t web_home::bytes_of(const pending& x) {
  auto bytes = sizeof(x);
  for (auto& offer : x.request.offers)
    bytes += sizeof(offer) + offer.sdp.size();
  return bytes;
}

// -- what clients do -----------------------------------------------------------------------

void web_home::announce(web_announce req, const peer_actor& who, mono_time now) {
  auto number = who->id();
  auto [at, is_new] = lines_.try_emplace(number);
  auto& from = at->second;
  if (is_new) {
    from.peer = who;
    board_->counted.lines.add(1);
  }
  pending x{std::move(req), now};
  auto pick = choice_.choose(slot_of(x.request.swarm), now);
  if (route(number, from, x, pick, now))
    keep(number, from, std::move(x));
}

bool web_home::route(uint64_t number, client& from, pending& x, relay_pick to, mono_time now) {
  if (to.at == where::here) {
    swarms_.announce(std::move(x.request), from.peer);
    return false;
  }
  x.sent = now;
  x.to = to.at == where::there ? to.node : cluster::nobody;
  if (x.to == cluster::nobody)
    return true;
  if (std::find(from.told.begin(), from.told.end(), x.to) == from.told.end())
    from.told.push_back(x.to);
  board_->counted.sent.add();
  board_->tell(x.to, to_link(x.request, number));
  return true;
}

/// Whatever has no room is sent once.
void web_home::keep(uint64_t number, client& from, pending x) {
  std::erase_if(from.waiting, [&](auto& old) {
    auto same = old.request.swarm == x.request.swarm && old.request.id == x.request.id;
    if (same)
      forget(old);
    return same;
  });
  auto bytes = bytes_of(x);
  if (kept_bytes_ + bytes > limits::relay_web_kept_bytes_max
      || from.waiting.size() >= limits::ws_ids_per_socket_max) {
    board_->counted.dropped.add();
  } else {
    kept_bytes_ += bytes;
    from.waiting.push_back(std::move(x));
  }
  if (!from.waiting.empty())
    busy_.insert(number);
}

void web_home::gone(uint64_t number) {
  auto found = lines_.find(number);
  if (found == lines_.end())
    return;
  for (auto node : found->second.told)
    board_->tell(node, link_web_left{number, {}, 0});
  for (auto& x : found->second.waiting)
    forget(x);
  busy_.erase(number);
  lines_.erase(found);
  board_->counted.lines.add(-1);
}

void web_home::cut(node_number node) {
  for (auto number : busy_)
    for (auto& x : lines_.at(number).waiting)
      if (x.to == node)
        x.to = cluster::nobody;
}

void web_home::offers(const offerer_actor& who, mono_time now) {
  offerers_[who->id()] = {who, now + defaults::ws_offer_ttl};
}

// -- what other nodes say ----------------------------------------------------------------------

void web_home::hear(node_number from, const link_web_reply& x) {
  choice_.answered(from);
  auto found = lines_.find(x.line);
  if (found == lines_.end())
    return;
  auto& to = found->second;
  std::erase_if(to.waiting, [&](auto& old) {
    auto same = old.request.swarm == x.swarm && old.request.arrived_us == x.arrived_us;
    if (same)
      forget(old);
    return same;
  });
  if (to.waiting.empty())
    busy_.erase(x.line);
  caf::anon_send(to.peer, web_reply{x.swarm, x.interval_s, x.complete, x.incomplete, x.arrived_us});
}

offerer_actor web_home::offerer_at(const std::string& node, uint64_t line) {
  if (node == board_->self()) {
    auto found = lines_.find(line);
    return found == lines_.end() ? offerer_actor{}
                                 : caf::actor_cast<offerer_actor>(found->second.peer);
  }
  return spawn_far_offerer(system_, board_, board_->number_of(node), line);
}

void web_home::hear(link_web_offered& x) {
  auto found = lines_.find(x.line);
  if (found == lines_.end())
    return;
  if (auto from = offerer_at(x.node, x.offerer_line))
    caf::anon_send(found->second.peer, web_offered{x.swarm, x.to, x.from, std::move(x.offer)},
                   from);
}

void web_home::hear(link_web_answered& x) {
  offerer_actor to;
  if (auto found = lines_.find(x.line); found != lines_.end())
    to = caf::actor_cast<offerer_actor>(found->second.peer);
  else if (auto known = offerers_.find(x.line); known != offerers_.end())
    to = known->second.who;
  if (to)
    caf::anon_send(to, web_answered{x.swarm, x.to, x.from, std::move(x.answer)});
}

void web_home::hear(const link_web_evicted& x) {
  if (auto found = lines_.find(x.line); found != lines_.end())
    caf::anon_send(found->second.peer, web_evicted{x.swarm});
}

// -- what waits ------------------------------------------------------------------------------

bool web_home::review(uint64_t number, client& from, pending& x, mono_time now) {
  if (now - x.began > defaults::request_timeout) {
    board_->counted.lost.add();
    return false;
  }
  auto slot = slot_of(x.request.swarm);
  auto route_now = routes_.route(slot);
  auto knows = route_now.owner == x.to || route_now.standby == x.to;
  auto stuck = x.to == cluster::nobody || !knows || !routes_.is_reachable(x.to);
  if (!stuck && now - x.sent < defaults::relay_patience)
    return true;
  if (!stuck)
    choice_.overdue(x.to, now);
  auto pick = choice_.choose(slot, now);
  auto elsewhere = pick.at == where::here || (pick.at == where::there && pick.node != x.to);
  if (!elsewhere)
    return true;
  if (x.to != cluster::nobody)
    board_->counted.resent.add();
  return route(number, from, x, pick, now);
}

void web_home::advance(mono_time now) {
  for (auto at = busy_.begin(); at != busy_.end();) {
    auto& from = lines_.at(*at);
    std::erase_if(from.waiting, [&, number = *at](auto& x) {
      auto bytes = bytes_of(x); // Before its offers go.
      if (review(number, from, x, now))
        return false;
      kept_bytes_ -= bytes;
      return true;
    });
    at = from.waiting.empty() ? busy_.erase(at) : std::next(at);
  }
  if (now - swept_ < defaults::ws_offer_ttl / 10)
    return;
  swept_ = now;
  std::erase_if(offerers_, [now](auto& x) { return now > x.second.until; });
}

} // namespace shoal
