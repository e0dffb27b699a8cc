// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_proxy.hpp"

#include "actors/error.hpp"

namespace shoal {

registry_proxy::registry_proxy(caf::actor_config& cfg, size_t number, const registry_peers* peers)
    : registry_proxy_actor::base(cfg), number_{number}, peers_{*peers}, known_{*peers->store},
      asker_{*peers->links, caf::actor_cast<caf::actor>(this)}, line_{*peers} {}

void registry_proxy::on_exit() {
  asker_.close();
  paused_.clear(); // Each has a promise, and a promise keeps this actor.
  line_.clear();
}

/// @param then told false if there is no time for it.
void registry_proxy::later(mono_time deadline, std::function<void(bool)> then) {
  if (peers_.now() + peers_.pause >= deadline) {
    then(false);
    return;
  }
  wait(peers_.pause, [then = std::move(then)] { then(true); });
}

void registry_proxy::wait(std::chrono::milliseconds time, std::function<void()> then) {
  auto ticket = ++last_pause_;
  paused_.emplace(ticket, std::move(then));
  delayed_send(this, time, try_again{ticket});
}

void registry_proxy::when_seen(uint64_t revision, mono_time until,
                               const std::function<void()>& then) {
  if (peers_.service->revision() >= revision || peers_.now() >= until)
    then();
  else
    wait(peers_.copy_pause, [=, this] { when_seen(revision, until, then); });
}

// -- writes ------------------------------------------------------------------------------

template <class Ask>
registry_proxy::promise<typename registry_verb<Ask>::reply> registry_proxy::write(const Ask& ask) {
  auto e = std::make_shared<errand<Ask>>();
  e->ask = ask;
  e->answer = make_response_promise<promise<typename registry_verb<Ask>::reply>>();
  e->deadline = peers_.now() + peers_.write_patience;
  attempt(e);
  return e->answer;
}

template <class Ask>
void registry_proxy::attempt(const errand_ptr<Ask>& e) {
  auto slot = home_of(known_, e->ask);
  auto owner = peers_.routes->route(slot).owner;
  if (owner == cluster::this_node)
    attempt_here(e, slot);
  else if (owner == cluster::nobody)
    on_failure(e, {ec::not_owner, {}});
  else
    attempt_there(e, peers_.routes->name_of(owner));
}

template <class Ask>
void registry_proxy::attempt_here(const errand_ptr<Ask>& e, size_t slot) {
  auto objects = objects_of(e->ask);
  if (!objects) {
    write_here(e, slot);
    return;
  }
  objects->slot = static_cast<uint32_t>(slot);
  request(peers_.keeper, defaults::request_timeout, std::move(*objects))
      .then([=, this](atom::save) { write_here(e, slot); },
            [=](const caf::error& why) { e->answer.deliver(why); });
}

template <class Ask>
void registry_proxy::write_here(const errand_ptr<Ask>& e, size_t slot) {
  using reply = typename registry_verb<Ask>::reply;
  request(peers_.shard_of(slot), commit_timeout, e->ask)
      .then([e](reply& x) { e->answer.deliver(std::move(x)); },
            [=, this](const caf::error& why) { on_failure(e, from_caf(why)); });
}

template <class Ask>
void registry_proxy::attempt_there(const errand_ptr<Ask>& e, const std::string& node) {
  using verb = registry_verb<Ask>;
  auto then = [=, this](const result<std::string>& body) {
    auto written = body ? from_archive<written_answer>(*body) : tl::unexpected{body.error()};
    auto outcome = written ? from_answer<typename verb::reply>(written->body)
                           : tl::unexpected{written.error()};
    if (!outcome)
      return on_failure(e, outcome.error());
    auto until = std::min(e->deadline, peers_.now() + peers_.copy_patience);
    when_seen(written->revision, until, [e, x = *outcome] { e->answer.deliver(x); });
  };
  asker_.ask(node, verb::kind, to_archive(e->ask), e->deadline, std::move(then));
}

/// What certainly has not happened, and may happen elsewhere or later, is tried again; so is what
/// may have happened, if twice is as good as once. Without etcd nobody owns anything for long.
template <class Ask>
void registry_proxy::on_failure(const errand_ptr<Ask>& e, const error& why) {
  auto moves = why.code == ec::not_owner || why.code == ec::unavailable;
  auto unknown = why.code == ec::timeout || why.code == ec::shutting_down;
  if (!moves && !(unknown && registry_verb<Ask>::repeats)) {
    e->answer.deliver(to_caf(why));
    return;
  }
  if (!peers_.service->status().reachable) {
    e->answer.deliver(to_caf({ec::unavailable, "the cluster's etcd does not answer"}));
    return;
  }
  later(e->deadline, [=, this](bool in_time) {
    if (in_time)
      attempt(e);
    else if (unknown)
      e->answer.deliver(to_caf(why));
    else
      e->answer.deliver(to_caf({ec::unavailable, "nobody owns the slot: " + why.detail}));
  });
}

// -- reads -------------------------------------------------------------------------------

registry_proxy::promise<registry_entry> registry_proxy::read(const lookup_entry& ask,
                                                             bool doubts_absence) {
  auto e = std::make_shared<errand<lookup_entry>>();
  e->ask = ask;
  e->doubts_absence = doubts_absence;
  e->answer = make_response_promise<promise<registry_entry>>();
  e->deadline = peers_.now() + peers_.read_patience;
  read_on(e);
  return e->answer;
}

void registry_proxy::read_on(const errand_ptr<lookup_entry>& e) {
  auto slot = home_of(known_, e->ask);
  auto [owner, standby] = peers_.routes->route(slot);
  auto mine = owner == cluster::this_node;
  auto next = [=, this](read_step step) {
    e->step = step;
    read_on(e);
  };
  auto ask_or = [=, this](cluster::node_number node, uint16_t kind, read_step step) {
    auto is_other = node != cluster::this_node && node != cluster::nobody;
    is_other ? read_there(e, node, kind) : next(step);
  };
  switch (e->step) {
  case read_step::owner:
    if (!mine)
      return ask_or(owner, link_kind::lookup, read_step::standby_copy);
    if (!peers_.acts_for(slot))
      return next(read_step::successor);
    if (peers_.reads_as_owner(slot))
      return read_here(e, slot);
    return later(e->deadline, [=](bool in_time) { next(in_time ? e->step : read_step::here); });
  case read_step::successor:
    return ask_or(standby, link_kind::lookup, read_step::owner_copy);
  case read_step::owner_copy:
    return mine ? next(read_step::here) : ask_or(owner, link_kind::copy_lookup, read_step::here);
  case read_step::standby_copy:
    return ask_or(standby, link_kind::copy_lookup, read_step::here);
  case read_step::here:
    return read_here(e, slot);
  }
}

void registry_proxy::read_here(const errand_ptr<lookup_entry>& e, size_t slot) {
  if (!e->doubts_absence) {
    e->answer.delegate(peers_.shard_of(slot), e->ask);
    return;
  }
  request(peers_.shard_of(slot), defaults::request_timeout, e->ask)
      .then([e](registry_entry& x) { e->answer.deliver(std::move(x)); },
            [=, this](const caf::error& why) {
              auto err = from_caf(why);
              auto is_owner = e->step == read_step::owner;
              auto needs_proof = is_owner && !e->is_proven && peers_.proves_absence();
              if (needs_proof && err.code == ec::not_found && !peers_.is_behind())
                prove(e);
              else
                on_absence(e, err, is_owner && !needs_proof);
            });
}

/// Of entries of other slots, of which the hash is one of several, an owner has no more than its
/// copy. When that certainly has all that anybody had written, it is read again.
void registry_proxy::prove(const errand_ptr<lookup_entry>& e) {
  auto then = [=, this](bool is_proven) {
    e->is_proven = is_proven;
    if (is_proven)
      read_on(e);
    else
      on_absence(e, {ec::not_found, {}}, false);
  };
  if (line_.join(peers_.now() + peers_.proof_patience, std::move(then)))
    look_for_proofs();
}

void registry_proxy::look_for_proofs() {
  wait(peers_.proof_pause, [this] {
    if (line_.look())
      look_for_proofs();
  });
}

void registry_proxy::read_there(const errand_ptr<lookup_entry>& e, cluster::node_number node,
                                uint16_t kind) {
  auto then = [=, this](const result<std::string>& body) {
    auto found = body ? from_archive<registry_entry>(*body) : tl::unexpected{body.error()};
    if (found)
      e->answer.deliver(std::move(*found));
    else if (is_client_error(found.error().code) && found.error().code != ec::unsupported)
      on_absence(e, found.error(), kind == link_kind::lookup);
    else
      on_silence(e, found.error());
  };
  asker_.ask(peers_.routes->name_of(node), kind, to_archive(e->ask),
             peers_.now() + peers_.read_patience, std::move(then));
}

/// Somebody was asked and has not looked.
void registry_proxy::on_silence(const errand_ptr<lookup_entry>& e, const error& why) {
  auto next = [=, this](read_step step) {
    e->step = step;
    read_on(e);
  };
  switch (e->step) {
  case read_step::owner:
    if (why.code == ec::not_owner)
      return later(e->deadline,
                   [=](bool again) { next(again ? e->step : read_step::standby_copy); });
    return next(why.code == ec::busy ? read_step::successor : read_step::standby_copy);
  case read_step::successor:
    return next(read_step::owner_copy);
  case read_step::owner_copy:
    return next(read_step::standby_copy);
  default:
    return next(read_step::here);
  }
}

/// A node that has lost sight of etcd does not know what others have written since.
void registry_proxy::on_absence(const errand_ptr<lookup_entry>& e, const error& why,
                                bool by_owner) {
  by_owner = by_owner || peers_.broken == cluster::traffic_flaw::believes_copies;
  if (why.code != ec::not_found || !e->doubts_absence || by_owner)
    e->answer.deliver(to_caf(why));
  else
    e->answer.deliver(to_caf({ec::unavailable, "the slot's owner does not answer"}));
}

registry_proxy::behavior_type registry_proxy::make_behavior() {
  return {
      [this](const lookup_entry& x) { return read(x, false); },
      [this](const seek_entry& x) { return read({x.hash}, true); },
      [this](const register_entry& x) { return write(x); },
      [this](const remove_entry& x) { return write(x); },
      [this](const search_query& x) { return delegate(local(), x); },
      [this](const publish_revision& x) { return write(x); },
      [this](const remove_revision& x) { return write(x); },
      [this](const blocked_hash& x) { return write(x); },
      [this](const unblock_hash& x) { return write(x); },
      [this](const completions_counted& x) { send(local(), x); },
      [this](atom::flush x) { return delegate(local(), x); },
      [](atom::tick) {},
      [](const registry_step&) {},
      [](const counters_flushed&) {},
      [this](remote_answer& x) { asker_.answer(x); },
      [this](const try_again& x) {
        if (auto paused = paused_.extract(x.ticket))
          paused.mapped()();
      },
  };
}

} // namespace shoal
