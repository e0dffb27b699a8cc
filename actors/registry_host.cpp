// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_host.hpp"

#include "actors/error.hpp"
#include "actors/registry_gather.hpp"
#include "cluster/home_slot.hpp"

namespace shoal {

namespace {

/// Of one answer: the rest of the message needs some room too.
constexpr size_t entries_bytes_max = limits::link_body_bytes_max - 64 * 1024;

/// As many entries as go into one answer. Each is smaller than that.
entry_part part_of(std::vector<registry_entry> found, const std::vector<std::string>& keys) {
  entry_part part;
  size_t bytes = 0;
  auto next = found.begin();
  for (auto& key : keys) {
    if (next != found.end() && next->hashes.primary_key() == key) {
      auto size = to_archive(*next).size();
      if (bytes + size > entries_bytes_max && part.done > 0)
        break;
      bytes += size;
      part.entries.push_back(std::move(*next++));
    }
    ++part.done;
  }
  return part;
}

bool is_sound(const search_query& x) {
  return x.sort <= search_sort::seeders && x.offset == 0
         && x.limit <= limits::search_limit_max + limits::search_offset_max;
}

} // namespace

registry_host::registry_host(caf::actor_config& cfg, const registry_peers* peers)
    : registry_host_actor::base(cfg), peers_{*peers}, known_{*peers->store}, line_{*peers} {}

void registry_host::look_up(const link_question& x, bool as_owner, bool is_proven) {
  auto ask = from_archive<lookup_entry>(x.body);
  if (!ask)
    return x.reply(tl::unexpected{ask.error()});
  auto slot = home_of(known_, *ask);
  if (as_owner && !(peers_.owns(slot) && peers_.reads_as_owner(slot)))
    return x.reply(fail(ec::not_owner));
  if (as_owner && !peers_.acts_for(slot))
    return x.reply.refuse(ec::busy, "the slot may be another node's by now");
  // Of entries of other slots, of which the hash is one of several, it knows no more than its copy.
  auto is_sure = !as_owner || is_proven || !peers_.proves_absence();
  request(peers_.shard_of(slot), defaults::request_timeout, std::move(*ask))
      .then([reply = x.reply](const registry_entry& found) { reply(to_archive(found)); },
            [=, this](const caf::error& why) {
              auto err = from_caf(why);
              if (is_sure || err.code != ec::not_found)
                return x.reply(tl::unexpected{std::move(err)});
              if (peers_.is_behind())
                return x.reply.refuse(ec::unavailable, "the copy is behind");
              look_up_proven(x);
            });
}

/// Once this node's copy has all that anybody had written when it was asked.
void registry_host::look_up_proven(const link_question& x) {
  auto then = [=, this](bool is_proven) {
    if (is_proven)
      look_up(x, true, true);
    else
      x.reply.refuse(ec::unavailable, "the copy may be behind");
  };
  if (line_.join(std::min(x.deadline, peers_.now() + peers_.proof_patience), std::move(then)))
    look_for_proofs();
}

void registry_host::look_for_proofs() {
  pause(peers_.proof_pause, [this] {
    if (line_.look())
      look_for_proofs();
  });
}

void registry_host::search(const link_question& x, bool as_owner) {
  auto query = from_archive<search_query>(x.body);
  if (!query || !is_sound(*query))
    return x.reply(fail(ec::invalid_argument));
  for (size_t slot = 0; as_owner && slot < slot_count; ++slot)
    if (query->slots.has(slot) && !(peers_.owns(slot) && peers_.reads_as_owner(slot)))
      query->slots.remove(slot);
  if (query->slots.empty())
    return x.reply(fail(ec::not_owner));
  auto then = [reply = x.reply, slots = query->slots](result<search_result> found) {
    if (found)
      reply(to_archive(search_part{std::move(*found), slots}));
    else
      reply(tl::unexpected{found.error()});
  };
  note_served();
  search_here(this, peers_, *query, std::move(then));
}

void registry_host::pause(std::chrono::milliseconds time, std::function<void()> then) {
  auto ticket = ++last_pause_;
  paused_.emplace(ticket, std::move(then));
  delayed_send(this, time, try_again{ticket});
}

void registry_host::search_near(const link_question& x) {
  auto ask = from_archive<near_query>(x.body);
  if (!ask || !is_sound(ask->query) || ask->query.slots.empty())
    return x.reply(fail(ec::invalid_argument));
  peers_.service->reach(ask->revision);
  answer_near(x, *ask, peers_.now() + peers_.near_patience);
}

/// Once this node's copy has all that whoever asks has seen.
void registry_host::answer_near(const link_question& x, const near_query& ask, mono_time until) {
  if (peers_.service->revision() < ask.revision) {
    if (peers_.now() >= until)
      return x.reply.refuse(ec::busy, "the copy is behind");
    return pause(peers_.copy_pause, [=, this] { answer_near(x, ask, until); });
  }
  auto lag = static_cast<uint64_t>(peers_.service->status().lag.count());
  auto then = [reply = x.reply, slots = ask.query.slots, lag](result<search_result> found) {
    if (found)
      reply(to_archive(near_part{search_part{std::move(*found), slots}, lag}));
    else
      reply(tl::unexpected{found.error()});
  };
  note_served();
  search_here(this, peers_, ask.query, std::move(then));
}

void registry_host::find_entries(const link_question& x, bool as_owner) {
  auto ask = from_archive<lookup_entries>(x.body);
  if (!ask || ask->keys.size() > limits::registry_entries_max)
    return x.reply(fail(ec::invalid_argument));
  for (auto& key : ask->keys) {
    auto slot = slot_of_key(table::entries, key);
    if (as_owner && !(peers_.owns(slot) && peers_.reads_as_owner(slot)))
      return x.reply(fail(ec::not_owner));
  }
  auto then = [reply = x.reply, keys = ask->keys](std::vector<registry_entry> found) {
    reply(to_archive(part_of(std::move(found), keys)));
  };
  look_up_here(this, peers_, ask->keys, std::move(then));
}

template <class Ask>
void registry_host::write(const link_question& x) {
  auto ask = from_archive<Ask>(x.body);
  if (!ask)
    return x.reply(tl::unexpected{ask.error()});
  auto slot = home_of(known_, *ask);
  if (!peers_.owns(slot))
    return x.reply(fail(ec::not_owner));
  auto objects = objects_of(*ask);
  if (!objects)
    return write_here(*ask, slot, x.reply);
  objects->source = x.from;
  objects->slot = static_cast<uint32_t>(slot);
  request(peers_.keeper, defaults::request_timeout, std::move(*objects))
      .then([=, this, ask = std::move(*ask),
             reply = x.reply](atom::save) { write_here(ask, slot, reply); },
            // Nothing has been written: it may be tried again, or elsewhere.
            [reply = x.reply](const caf::error& why) {
              auto err = from_caf(why);
              reply(fail(err.code == ec::timeout ? ec::busy : err.code, err.detail));
            });
}

template <class Ask>
void registry_host::write_here(const Ask& ask, size_t slot, const cluster::link_reply& reply) {
  using answer = typename registry_verb<Ask>::reply;
  request(peers_.shard_of(slot), commit_timeout, ask)
      .then(
          [=, this](const answer& x) {
            reply(to_archive(written_answer{peers_.service->revision(), to_answer(x)}));
          },
          [reply](const caf::error& why) { reply(tl::unexpected{from_caf(why)}); });
}

void registry_host::on_question(const link_question& x) {
  switch (x.kind) {
  case link_kind::lookup:
  case link_kind::copy_lookup:
    return look_up(x, x.kind == link_kind::lookup);
  case link_kind::search:
  case link_kind::copy_search:
    return search(x, x.kind == link_kind::search);
  case link_kind::near_search:
    return search_near(x);
  case link_kind::entries:
  case link_kind::copy_entries:
    return find_entries(x, x.kind == link_kind::entries);
  case link_kind::register_entry:
    return write<register_entry>(x);
  case link_kind::publish:
    return write<publish_revision>(x);
  case link_kind::remove:
    return write<remove_entry>(x);
  case link_kind::remove_revision:
    return write<remove_revision>(x);
  case link_kind::block:
    return write<blocked_hash>(x);
  case link_kind::unblock:
    return write<unblock_hash>(x);
  default:
    return x.reply(fail(ec::unsupported));
  }
}

registry_host::behavior_type registry_host::make_behavior() {
  return {
      [this](const link_question& x) { on_question(x); },
      [this](const try_again& x) {
        if (auto paused = paused_.extract(x.ticket))
          paused.mapped()();
      },
  };
}

void serve_registry(cluster::links& links, const std::shared_ptr<late_mail>& host,
                    const std::shared_ptr<late_mail>& keeper) {
  auto serve = [&](uint16_t kind, const std::shared_ptr<late_mail>& who) {
    links.serve(kind, [who](const cluster::link_message& x, const cluster::link_reply& reply) {
      if (x.is_request)
        who->send(
            link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, reply});
    });
  };
  for (auto kind = link_kind::registry_first; kind <= link_kind::registry_last; ++kind)
    serve(kind, host);
  serve(link_kind::near_search, host);
  serve(link_kind::object_piece, keeper);
  serve(link_kind::adopt_objects, keeper);
  serve(link_kind::object_place, keeper);
}

} // namespace shoal
