// SPDX-License-Identifier: Apache-2.0
#include "actors/replication.hpp"

#include "actors/link_kinds.hpp"
#include "core/log.hpp"

#include <caf/send.hpp>

namespace shoal {

void replica_state::attach(swarm_config& swarms) {
  swarms_ = &swarms;
  copies.configure(swarms.peers, swarms.now);
  swarms.copies = &copies;
  for (size_t slot = 0; slot < slot_count; ++slot)
    swarms.replication[slot] = &logs[slot];
}

// -- inbox -------------------------------------------------------------------------

void replication::inbox::put(task what) {
  std::lock_guard guard{mutex};
  if (closed)
    return; // Drops it: whoever asked hears that nobody answers.
  waiting.push_back(std::move(what));
  filled.notify_one();
}

std::vector<replication::task> replication::inbox::take() {
  std::lock_guard guard{mutex};
  return std::exchange(waiting, {});
}

// -- life --------------------------------------------------------------------------

replication::replication(caf::actor_system& sys, replica_state& state, cluster::links& links,
                         slot_duties duties, replication_settings settings)
    : state_{state}, links_{links}, duties_{std::move(duties)}, settings_{settings}, unit_{&sys},
      feeds_{sys, state.swarms(), state.logs, settings.feeds, duties_} {
  serve();
}

replication::~replication() {
  stop();
}

void replication::start() {
  thread_ = std::thread{[this] { run(); }};
}

void replication::stop() {
  std::vector<task> dropped;
  {
    std::lock_guard guard{inbox_->mutex};
    inbox_->closed = true;
    dropped.swap(inbox_->waiting);
    inbox_->filled.notify_one();
  }
  if (thread_.joinable())
    thread_.join();
}

void replication::run() {
  for (;;) {
    {
      std::unique_lock guard{inbox_->mutex};
      inbox_->filled.wait_for(guard, settings_.period,
                              [&] { return inbox_->closed || !inbox_->waiting.empty(); });
      if (inbox_->closed)
        return;
    }
    advance(mono_now());
  }
}

void replication::advance(mono_time now) {
  for (auto& what : inbox_->take())
    what(now);
  if (now - looked_ < settings_.period)
    return;
  looked_ = now;
  feeds_.advance(now, [this](size_t slot) { return state_.copies.is_restoring(slot); });
  send(now);
  if (now - looked_for_strays_ < settings_.stray_period)
    return;
  looked_for_strays_ = now;
  state_.copies.tidy(now);
  if (settings_.feeds.broken != cluster::traffic_flaw::keeps_strays)
    give_strays(now);
}

// -- what membership says ----------------------------------------------------------

void replication::acquired(size_t slot, uint64_t epoch) {
  inbox_->put([this, slot, epoch](mono_time now) {
    feeds_.own(slot, epoch);
    if (!state_.copies.take_over(slot, epoch, now))
      return;
    ++takeovers_;
    if (settings_.feeds.broken == cluster::traffic_flaw::forgets_copy)
      state_.copies.take_some(slot, SIZE_MAX);
    caf::anon_send(state_.swarms().shards[slot], restore_slot{uint8_t(slot)});
  });
}

void replication::lost(size_t slot, uint64_t) {
  inbox_->put([this, slot](mono_time now) {
    feeds_.lose(slot, now);
    // What has not become swarms yet must not end with the role: others may have less.
    for (auto& [hash, copy] : state_.copies.take_some(slot, SIZE_MAX))
      for (auto& facts : facts_of(copy->peers, state_.swarms().now() - copy->born))
        caf::anon_send(state_.swarms().shards[slot], merge_swarm{hash, std::move(facts)});
    state_.copies.give_up(slot);
  });
}

void replication::standby_changed(size_t slot, const cluster::held_role& standby) {
  inbox_->put([this, slot, standby](mono_time) {
    feeds_.follow(slot, standby ? standby.by.node : std::string{}, standby.revision);
  });
}

void replication::standing_by(size_t slot, uint64_t epoch) {
  inbox_->put([this, slot, epoch](mono_time) { state_.copies.stand_by(slot, epoch); });
}

void replication::stood_down(size_t slot) {
  inbox_->put([this, slot](mono_time) { state_.copies.drop(slot); });
}

// -- what is said ------------------------------------------------------------------

void replication::send(mono_time now) {
  for (auto& node : feeds_.nodes()) {
    // Without a link each call would fail at once, again and again.
    if (duties_.reaches && !duties_.reaches(node))
      continue;
    auto& to = nodes_[node];
    while (to.calls < limits::replication_calls_max && now >= to.not_before
           && send_to(node, to, now)) {
    }
  }
}

/// @returns whether there was something to say.
bool replication::send_to(const std::string& node, peer_node& to, mono_time now) {
  std::vector<size_t> slots;
  auto body = feeds_.take(node, now, slots);
  if (body.empty())
    return false;
  ++to.calls;
  links_.call(node, link_kind::replica_batches, std::move(body), now + settings_.call_timeout,
              [this, node, slots = std::move(slots), to_us = inbox_](result<std::string> answer) {
                to_us->put([this, node, slots, answer = std::move(answer)](mono_time later) {
                  on_acks(node, slots, answer, later);
                });
              });
  return true;
}

void replication::on_acks(const std::string& node, const std::vector<size_t>& slots,
                          const result<std::string>& answer, mono_time now) {
  auto& from = nodes_[node];
  --from.calls;
  feeds_.ended(node, slots, answer.has_value());
  if (!answer) {
    failed(from, now);
    return;
  }
  delta_frame_reader in{*answer};
  for (std::string_view frame; in.next(frame);)
    if (auto ack = decode_delta_ack(frame))
      feeds_.acknowledge(*ack, now);
}

// -- what is heard -----------------------------------------------------------------

/// Handlers run on the links' thread and hand everything on.
void replication::serve() {
  links_.serve(link_kind::replica_batches, [this, to_us = inbox_](auto& x, auto reply) {
    to_us->put([this, body = std::string{x.body}, reply](mono_time now) {
      reply(hear_batches(body, now));
    });
  });
  links_.serve(link_kind::stray_peers, [this, to_us = inbox_](auto& x, auto reply) {
    to_us->put([this, body = std::string{x.body}, reply](mono_time) { reply(hear_strays(body)); });
  });
}

/// @returns acknowledgements. What cannot be read has none, and is sent again.
std::string replication::hear_batches(std::string_view body, mono_time now) {
  std::string acks;
  delta_frame_reader in{body};
  for (std::string_view frame; in.next(frame);) {
    auto batch = decode_delta_batch(frame);
    if (!batch)
      continue;
    ++batches_heard_;
    auto heard = state_.copies.hear(*batch, now);
    if (heard.ack)
      append_delta_frame(acks, encode(*heard.ack));
    for (auto& late : heard.late)
      caf::anon_send(state_.swarms().shards[batch->slot], std::move(late));
  }
  return acks;
}

result<std::string> replication::hear_strays(std::string_view body) {
  delta_frame_reader in{body};
  for (std::string_view frame; in.next(frame);) {
    auto hash = info_hash::from_bytes(frame.substr(0, info_hash::size_bytes));
    if (!hash)
      return fail(ec::invalid_argument, "a swarm without a name");
    if (!state_.copies.owns(slot_of(*hash)))
      return fail(ec::not_owner);
    frame.remove_prefix(info_hash::size_bytes);
    caf::anon_send(state_.swarms().shards[slot_of(*hash)], merge_swarm{*hash, std::string{frame}});
  }
  return std::string{};
}

// -- strays ------------------------------------------------------------------------

void replication::give_strays(mono_time now) {
  for (size_t slot = 0; slot < slot_count; ++slot)
    if (state_.copies.has_strays(slot, now))
      give_strays(slot, now);
}

/// Gives the owner the peers that it may not have, some swarms at a time, which end once it has
/// them, unless somebody has announced meanwhile.
void replication::give_strays(size_t slot, mono_time now) {
  auto owner = duties_.owner(slot);
  if (owner.empty())
    return;
  auto& to = nodes_[owner];
  if (to.takes_strays || now < to.not_before)
    return;
  state_.copies.no_strays(slot); // Said before looking, or one that begins meanwhile is forgotten.
  auto hashes = state_.swarms().directory->hashes_in(slot, {}, settings_.strays_at_once);
  if (hashes.empty())
    return;
  state_.copies.begun(slot);
  auto [swarms, body] = describe(hashes);
  if (swarms.empty())
    return;
  to.takes_strays = true;
  auto then = [this, owner = owner, swarms = swarms](bool taken, mono_time later) {
    nodes_[owner].takes_strays = false;
    if (!taken)
      return failed(nodes_[owner], later);
    let_go(swarms);
    looked_for_strays_ = {}; // There may be more of them, in this slot and in others.
  };
  if (settings_.feeds.broken == cluster::traffic_flaw::lets_go_unheard)
    let_go(swarms);
  links_.call(owner, link_kind::stray_peers, std::move(body), now + settings_.call_timeout,
              [then, to_us = inbox_](const result<std::string>& answer) {
                to_us->put([then, taken = answer.has_value()](mono_time t) { then(taken, t); });
              });
}

/// Writes frames: a name and facts for merge_swarm. Swarms that are busy, or for which there is no
/// room, come next time.
replication::stray_load replication::describe(const std::vector<info_hash>& hashes) {
  constexpr size_t enough = limits::link_body_bytes_max / 2;
  stray_load x;
  for (auto& hash : hashes) {
    size_t unknown = 0;
    auto wanted = [&](const replica_peer& peer) {
      auto is = !state_.copies.knows(hash, peer);
      unknown += is;
      return is;
    };
    swarm::description all;
    auto living = state_.swarms().directory->lookup(hash).swarm;
    if (!in_turn_of(living, unit_, [&](swarm& s) { all = s.describe_in_turn(wanted); }))
      continue;
    x.swarms.emplace_back(hash, all.stamp);
    // Of one that is too large for a message the rest announces again.
    for (size_t i = 0; unknown > 0 && i < all.facts.size() && x.body.size() < enough + enough / 2;
         ++i)
      append_delta_frame(x.body, std::string{hash.chars()} + all.facts[i]);
    if (x.body.size() > enough)
      break;
  }
  return x;
}

void replication::let_go(const std::vector<std::pair<info_hash, uint64_t>>& swarms) {
  for (auto& [hash, stamp] : swarms) {
    if (state_.copies.owns(slot_of(hash)))
      return; // All are of one slot.
    auto living = state_.swarms().directory->lookup(hash).swarm;
    auto anyway = settings_.feeds.broken == cluster::traffic_flaw::lets_go_unseen;
    auto depart = [known = stamp, anyway](swarm& x) {
      x.depart_in_turn(anyway ? x.describe_in_turn(nullptr).stamp : known);
    };
    strays_given_ += in_turn_of(living, unit_, depart);
  }
}

// -- numbers -----------------------------------------------------------------------

replication::numbers replication::report() const {
  numbers x;
  x.lag = feeds_.behind_by(mono_now());
  for (size_t slot = 0; slot < slot_count; ++slot) {
    auto one = state_.logs[slot].totals();
    x.sent.facts += one.facts;
    x.sent.batches += one.batches;
    x.sent.resent += one.resent;
    x.sent.syncs += one.syncs;
  }
  x.copies = state_.copies.count();
  x.batches_heard = batches_heard_;
  x.takeovers = takeovers_;
  x.strays_given = strays_given_;
  return x;
}

} // namespace shoal
