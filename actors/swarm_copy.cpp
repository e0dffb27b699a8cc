// SPDX-License-Identifier: Apache-2.0
// What a swarm tells the standby of its slot, and what it takes over from copies.
#include "actors/swarm.hpp"
#include "actors/swarm_copies.hpp"
#include "actors/swarm_replication.hpp"

#include <caf/actor_cast.hpp>

namespace shoal {

namespace {

/// How long a swarm that left the directory waits for messages of senders that looked it up before.
constexpr std::chrono::seconds farewell{5};

} // namespace

/// @returns null unless somebody wants to know what changes here.
cluster::replication_log* swarm::standby() const {
  auto* log = config_.replication[slot_of(hash_)];
  return log && log->wanted() ? log : nullptr;
}

/// A standby hears of it before others can begin a successor, of whom more may be told. A full sync
/// that begins meanwhile lists the swarm before this or not at all, so this is said in any case.
/// Only who retires says so: a node that stops leaves its swarms to the standby.
void swarm::retire() {
  retired_ = 1;
  auto leave = [this] { return config_.directory->drop_swarm(hash_, id()); };
  if (auto* log = config_.replication[slot_of(hash_)]) {
    cluster::replication_log::entry out{*log, hash_};
    if (leave())
      out.dropped();
  } else {
    leave();
  }
  send_self(farewell, atom::stop::value);
}

piece_replicated swarm::on_replicate(const replicate_swarm& order) const {
  auto* to = standby();
  if (to == nullptr || retired_)
    return {true, 0};
  auto next = replicate_piece(*to, hash_, peers_, order.from_identity, age_s());
  return {!next, next.value_or(0)};
}

/// The swarm is not what it was; whoever stands by hears all of it.
void swarm::tell_all() {
  auto* to = standby();
  for (std::optional<uint64_t> from = 0; to && from;)
    from = replicate_piece(*to, hash_, peers_, *from, age_s());
}

// -- from other nodes --------------------------------------------------------------

void swarm::adopt(peer_set& peers, coarse_seconds born) {
  peers_.take(peers);
  born_ = static_cast<uint16_t>(born / age_unit_s);
  publish_size();
  tell_all();
}

void swarm::on_merge(const merge_swarm& facts) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], facts);
    return;
  }
  if (config_.directory->lookup(hash_).blocked)
    return;
  draw(); // So that its stamp is another one.
  std::vector<peer_change> changes;
  auto completed = peers_.counts().completed;
  delta_reader in{facts.facts};
  for (swarm_fact x; in.next(x);) {
    if (auto* one = std::get_if<delta_peer>(&x))
      merge(one->peer, changes);
    if (auto* numbers = std::get_if<delta_numbers>(&x); numbers && numbers->completed > completed)
      peers_.set_completed(completed = numbers->completed);
  }
  if (auto* to = standby(); to && !changes.empty()) {
    replicate_changes(*to, hash_, peers_, changes);
    cluster::replication_log::entry{*to, hash_}.numbers({completed, age_s()});
  }
  if (web_)
    web_->merge(changes);
  publish_size();
  note_changes(std::move(changes));
}

/// Of a peer that is known, only that it has all by now is news: that it has not is old.
void swarm::merge(const replica_peer& x, std::vector<peer_change>& changes) {
  if (auto known = peers_.describe(x.identity)) {
    if (peer_state(x.state) != peer_state::seeder || peer_state(known->state) == peer_state::seeder)
      return;
  } else if (peers_.addresses() >= config_.peers.addresses_max
             || (config_.copies && config_.copies->has_left(hash_, x.identity))) {
    return;
  }
  peers_.mirror(x, now() + config_.peers.ttl_s, &changes);
  auto state = peer_state(x.state) == peer_state::seeder ? peer_change::to::seeder
                                                         : peer_change::to::leecher;
  changes.push_back({x.identity, state});
}

/// What still arrives begins it anew, as a swarm of which another node hears later.
void swarm::depart_in_turn(uint64_t known) {
  if (retired_ || known != stamp())
    return;
  retired_ = 1;
  config_.directory->drop_swarm(hash_, id());
  send_self(farewell, atom::stop::value);
}

swarm::description
swarm::describe_in_turn(const std::function<bool(const replica_peer&)>& wanted) const {
  if (retired_)
    return {};
  return {facts_of(peers_, age_s(), wanted), stamp()};
}

std::vector<std::string> facts_of(const peer_set& peers, uint32_t age_s,
                                  const std::function<bool(const replica_peer&)>& wanted) {
  constexpr size_t enough = delta_body_bytes_max - 1024;
  delta_piece all;
  peers.cut(0, SIZE_MAX, all);
  std::vector<std::string> facts(1);
  append_fact(facts.back(), delta_numbers{peers.counts().completed, age_s});
  for (auto& peer : all.peers) {
    if (wanted && !wanted(peer))
      continue;
    if (facts.back().size() > enough)
      facts.emplace_back();
    append_peer_fact(facts.back(), peer);
  }
  return facts;
}

} // namespace shoal
