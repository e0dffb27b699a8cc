// SPDX-License-Identifier: Apache-2.0
#include "actors/peer.hpp"

#include "actors/agent_book.hpp"
#include "actors/swarm.hpp"
#include "actors/web_relay.hpp"
#include "core/log.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace shoal {

peer::peer(caf::actor_config& cfg, web_desk* desk, web_line* line)
    : lean_actor(cfg), desk_{*desk}, loop_{desk->loop}, line_{line}, offers_{
                                                                         defaults::ws_offer_ttl} {
  ++desk_.peers;
}

void peer::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  lean_actor::enqueue(std::move(what), loop_);
}

bool peer::receive(caf::mailbox_element& x) {
  return on_own<web_announce, swarm_actor>(x, [this](auto& req, auto& to) { on_announce(req, to); })
         || on<web_reply>(x, [this](auto& reply) { on_reply(reply); })
         || on<web_offered, offerer_actor>(x, [this](auto& o, auto& from) { on_offered(o, from); })
         || on_own<web_answer>(x, [this](auto& answer) { on_answer(answer); })
         || on<web_answered>(x, [this](auto& answered) { on_answered(answered); })
         || on<web_evicted>(x, [this](auto& fact) { on_evicted(fact); })
         || on_verb<atom::expire>(x, [this] { offers_.expire(desk_.now()); })
         || on_verb<atom::refresh>(x, [this] { review(); })
         || on_verb<atom::stop>(x, [this] { quit(); });
}

void peer::on_announce(web_announce& req, const swarm_actor& swarm) {
  if (join(req))
    pass_on(req, swarm);
}

void peer::pass_on(web_announce& req, const swarm_actor& swarm) {
  if (desk_.relay && !desk_.relay->places().is_here(slot_of(req.swarm))) {
    desk_.relay->announce(std::move(req), caf::actor_cast<peer_actor>(this));
    return;
  }
  auto self = caf::actor_cast<visitor_actor>(this);
  auto* here = local_swarm(swarm);
  if (here != nullptr && here->begin_turn(loop_)) { // As edge_port does it.
    here->web_announce_in_turn(req, self);
    here->end_turn();
  } else if (swarm)
    send(swarm, std::move(req), self);
  else
    send((*desk_.shards)[slot_of(req.swarm)], std::move(req), self);
}

void peer::announce_in_turn(web_announce& req, const swarm_actor& swarm) {
  try {
    on_announce(req, swarm);
  } catch (const std::exception& e) {
    fail_turn(e);
  }
}

/// Whoever has a swarm now must hear who is connected to this node. Offers are not made again.
void peer::review() {
  if (desk_.relay == nullptr || line_ == nullptr)
    return;
  for (auto& m : joined_) {
    auto place = desk_.relay->places().of(slot_of(m.swarm));
    if (place == m.place || place == swarm_places::nowhere)
      continue;
    m.place = place;
    web_announce again;
    again.swarm = m.swarm;
    again.id = m.id;
    again.identity = m.identity;
    again.client = line_->address();
    again.left = m.state == peer_state::seeder ? 0 : 1;
    again.event = m.state == peer_state::partial ? announce_event::paused : announce_event::none;
    again.arrived_us = web_announce::unasked;
    pass_on(again, desk_.directory->lookup(m.swarm).swarm);
  }
}

void peer::note(membership& m, const web_announce& req) const {
  m.state = state_of(req);
  if (desk_.relay)
    m.place = desk_.relay->places().of(slot_of(req.swarm));
}

bool peer::join(const web_announce& req) {
  auto at = find(req.swarm, req.id);
  if (req.event == announce_event::stopped) {
    if (at != joined_.end())
      joined_.erase(at);
    return true; // Even if it is not known, the swarm answers.
  }
  if (at != joined_.end()) {
    note(*at, req);
    return true;
  }
  if (joined_.size() >= limits::ws_ids_per_socket_max) {
    desk_.gate->count_refusal(transport::ws, refusal_kind::bad_announce);
    append_ws_failure(blank_text(),
                      {ws_action::announce, req.swarm, "too many info_hashes on this socket"});
    say_text();
    return false;
  }
  // Most clients are in few swarms, and there are many clients.
  joined_.reserve(joined_.size() < 4 ? joined_.size() + 1 : joined_.capacity());
  joined_.push_back({req.swarm, req.id, req.identity});
  note(joined_.back(), req);
  return true;
}

void peer::on_answer(web_answer& answer) {
  auto from = offers_.take({answer.swarm, answer.id, answer.to, answer.answer.id}, desk_.now());
  if (!from) {
    desk_.metrics->dropped_answers.add();
    if (line_ != nullptr)
      line_->answer_dropped();
    return;
  }
  send(*from, web_answered{answer.swarm, answer.to, answer.id, std::move(answer.answer)});
}

void peer::on_reply(const web_reply& reply) {
  if (reply.arrived_us == web_announce::unasked)
    return;
  append_ws_reply(blank_text(), {reply.swarm, reply.interval_s, reply.complete, reply.incomplete});
  say_text();
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(desk_.now().time_since_epoch());
  desk_.gate->observe_announce(transport::ws,
                               static_cast<uint64_t>(now.count()) - reply.arrived_us);
}

void peer::on_offered(const web_offered& offered, const offerer_actor& from) {
  // It may have left since the swarm chose it.
  if (line_ == nullptr || find(offered.swarm, offered.to) == joined_.end())
    return;
  auto now = desk_.now();
  offers_.add({offered.swarm, offered.to, offered.from, offered.offer.id}, from, now);
  line_->may_answer_until(now + defaults::ws_offer_ttl);
  append_ws_offer(blank_text(), offered.swarm, offered.from, offered.offer);
  say_text();
  desk_.metrics->offers.add();
}

void peer::on_answered(const web_answered& answered) {
  if (line_ == nullptr || find(answered.swarm, answered.to) == joined_.end()) {
    desk_.metrics->dropped_answers.add();
    return;
  }
  append_ws_answer(blank_text(), answered.swarm, answered.from, answered.answer);
  say_text();
  desk_.metrics->answers.add();
}

void peer::on_evicted(const web_evicted& fact) {
  auto there = [&](const membership& m) { return m.swarm == fact.swarm; };
  auto first = std::remove_if(joined_.begin(), joined_.end(), there);
  if (first == joined_.end())
    return;
  joined_.erase(first, joined_.end());
  append_ws_failure(blank_text(), {ws_action::announce, fact.swarm, "info_hash is blocked"});
  say_text();
}

std::vector<peer::membership>::iterator peer::find(const info_hash& swarm, const peer_id& id) {
  auto same = [&](const membership& m) { return m.swarm == swarm && m.id == id; };
  return std::find_if(joined_.begin(), joined_.end(), same);
}

std::string& peer::blank_text() {
  desk_.text.clear();
  return desk_.text;
}

void peer::say_text() {
  if (line_ != nullptr)
    line_->say(desk_.text);
}

void peer::leave(const membership& from) {
  if (auto swarm = desk_.directory->lookup(from.swarm).swarm)
    send(swarm, web_left{from.swarm, from.identity, id()});
}

void peer::on_end(const caf::error& reason) {
  if (reason && reason != caf::exit_reason::kill && reason != caf::exit_reason::user_shutdown)
    log::error("peer", "ends unexpectedly reason={}", caf::to_string(reason));
  for (auto& m : joined_)
    leave(m);
  offers_.clear(); // Two that were offered something by each other would keep each other for ever.
  if (desk_.agents)
    desk_.agents->remove(id());
  if (desk_.relay)
    desk_.relay->gone(id());
  --desk_.peers;
  if (line_ != nullptr)
    std::exchange(line_, nullptr)->peer_ended();
}

peer_actor connect_peer(caf::actor_system& sys, web_desk& desk, web_line& line) {
  return spawn_lean<peer, peer_actor>(sys, &desk, &line);
}

void announce_as(const peer_actor& who, web_announce req, const swarm_actor& swarm) {
  auto* here = static_cast<peer*>(caf::actor_cast<caf::abstract_actor*>(who));
  if (here->begin_turn(here->loop())) {
    here->announce_in_turn(req, swarm);
    here->end_turn();
  } else {
    caf::anon_send(who, std::move(req), swarm);
  }
}

void disconnect_peer(const peer_actor& who) {
  static_cast<peer*>(caf::actor_cast<caf::abstract_actor*>(who))->hang_up();
  caf::anon_send(who, atom::stop::value);
}

} // namespace shoal
