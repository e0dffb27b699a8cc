// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_reader.hpp"

#include "actors/registry_gather.hpp"
#include "cluster/home_slot.hpp"

#include <map>

namespace shoal {

registry_reader::registry_reader(caf::actor_config& cfg, const registry_peers* peers)
    : registry_reader_actor::base(cfg), peers_{*peers}, asker_{*peers->links,
                                                               caf::actor_cast<caf::actor>(this)} {}

namespace {

/// Whether copies answer as well as owners do: how many clients a swarm has, and completions that
/// are not written yet, owners know.
bool is_for_all(const search_query& query) {
  return query.sort == search_sort::created_at;
}

} // namespace

cluster::node_number registry_reader::whom(search& s, size_t slot) const {
  auto node = s.at == stage::nearest ? nearest(s, slot) : whom_at(s, slot);
  return s.silent.contains(node) ? cluster::nobody : node;
}

/// @returns nobody: the owner is to be looked for.
cluster::node_number registry_reader::nearest(const search& s, size_t slot) const {
  auto& routes = *peers_.routes;
  auto [owner, standby] = routes.route(slot);
  if (owner == cluster::this_node)
    return peers_.reads_as_owner(slot) ? owner : cluster::nobody;
  if (standby == cluster::this_node && s.copy_is_new)
    return standby;
  auto can = [&](cluster::node_number node) {
    return node > cluster::this_node && routes.is_reachable(node);
  };
  if (!can(owner) || !can(standby))
    return can(owner) ? owner : can(standby) ? standby : cluster::nobody;
  if (routes.is_near(owner) != routes.is_near(standby))
    return routes.is_near(owner) ? owner : standby;
  // One search asks as few nodes as may be, the next one others.
  return (owner ^ s.turn) < (standby ^ s.turn) ? owner : standby;
}

template <class Errand>
cluster::node_number registry_reader::whom_at(Errand& x, size_t slot) const {
  auto [owner, standby] = peers_.routes->route(slot);
  if (x.at == stage::copy)
    return cluster::this_node;
  if (x.at == stage::standbys)
    return standby;
  if (owner != cluster::this_node || peers_.reads_as_owner(slot))
    return owner;
  x.moving = true;
  return cluster::nobody;
}

template <class Errand>
void registry_reader::go_on(const std::shared_ptr<Errand>& x) {
  auto again = x->at == stage::owners && std::exchange(x->moving, false)
               && ++x->tries < peers_.owner_tries && peers_.service->status().reachable;
  if (!again) {
    x->at = x->at == stage::nearest  ? stage::owners
            : x->at == stage::owners ? stage::standbys
                                     : stage::copy;
    x->moving = false;
    ask_stage(x);
    return;
  }
  auto ticket = ++last_pause_;
  paused_.emplace(ticket, [=, this] { ask_stage(x); });
  delayed_send(this, peers_.pause, try_again{ticket});
}

// -- searches ----------------------------------------------------------------------------

registry_reader::promise<search_page> registry_reader::on_search(const search_query& query) {
  auto s = std::make_shared<search>();
  s->asked = query;
  s->asked.limit += static_cast<uint32_t>(query.offset);
  s->asked.offset = 0;
  s->offset = query.offset;
  s->limit = query.limit;
  s->answer = make_response_promise<promise<search_page>>();
  s->at = is_for_all(query) ? stage::nearest : stage::owners;
  s->turn = searches_++;
  s->copy_is_new = peers_.service->status().lag.count() == 0;
  ask_stage(s);
  return s->answer;
}

void registry_reader::ask_stage(const search_ptr& s) {
  std::map<cluster::node_number, slot_filter> questions;
  for (size_t slot = 0; slot < slot_count; ++slot)
    if (auto node = s->missing.has(slot) ? whom(*s, slot) : cluster::nobody;
        node != cluster::nobody)
      questions[node].add(slot);
  s->open = 1; // Until all have been asked.
  for (auto& [node, slots] : questions) {
    ++s->open;
    peers_.note(source_of(*s, node));
    if (node == cluster::this_node)
      ask_here(s, slots);
    else
      ask_there(s, node, slots);
  }
  end_question(s);
}

search_meters::source registry_reader::source_of(const search& s, cluster::node_number node) const {
  using source = search_meters::source;
  if (s.at == stage::copy)
    return source::copy;
  if (node == cluster::this_node)
    return source::here;
  if (s.at == stage::nearest)
    return peers_.routes->is_near(node) ? source::zone : source::elsewhere;
  return s.at == stage::owners ? source::owner : source::standby;
}

void registry_reader::ask_here(const search_ptr& s, const slot_filter& slots) {
  auto query = s->asked;
  query.slots = slots;
  if (s->at > stage::owners)
    s->lag_ms = std::max(s->lag_ms, uint64_t(peers_.service->status().lag.count()));
  s->exact = s->exact && s->at <= stage::owners && owns_all(slots);
  search_here(this, peers_, query, [=, this](result<search_result> part) {
    if (part)
      on_part(s, std::move(*part), slots);
    else
      s->failure = part.error();
    end_question(s);
  });
}

bool registry_reader::owns_all(const slot_filter& slots) const {
  for (size_t slot = 0; slot < slot_count; ++slot)
    if (slots.has(slot) && !peers_.owns(slot))
      return false;
  return true;
}

void registry_reader::ask_there(const search_ptr& s, cluster::node_number node,
                                const slot_filter& slots) {
  auto& name = peers_.routes->name_of(node);
  auto until = peers_.now() + peers_.read_patience;
  near_query ask{s->asked, s->at == stage::nearest ? peers_.service->revision() : 0};
  ask.query.slots = slots;
  auto by_owner = [=, this](const result<std::string>& body) {
    on_answer(s, node, body.and_then(from_archive<search_part>), slots);
  };
  auto by_copy = [=, this](const result<std::string>& body) {
    auto near = body.and_then(from_archive<near_part>);
    if (near) {
      s->lag_ms = std::max(s->lag_ms, near->lag_ms);
      s->exact = false;
    }
    on_answer(s, node, near.map([](near_part& x) { return std::move(x.part); }), slots);
  };
  if (s->at == stage::owners)
    asker_.ask(name, link_kind::search, to_archive(ask.query), until, std::move(by_owner));
  else
    asker_.ask(name, link_kind::near_search, to_archive(ask), until, std::move(by_copy));
}

void registry_reader::on_answer(const search_ptr& s, cluster::node_number node,
                                const result<search_part>& part, const slot_filter& slots) {
  // Of slots that were not asked for nothing may count.
  auto sane = part && !part->answered.empty();
  for (size_t slot = 0; sane && slot < slot_count; ++slot)
    sane = !part->answered.has(slot) || slots.has(slot);
  if (sane)
    on_part(s, part->found, part->answered);
  auto why = part ? ec::ec_sentinel_ : part.error().code;
  if (why == ec::timeout || why == ec::unavailable)
    s->silent.insert(node);
  auto refused = why == ec::not_owner;
  s->moving = s->moving || refused || (sane && part->answered != slots);
  end_question(s);
}

void registry_reader::on_part(const search_ptr& s, search_result part,
                              const slot_filter& answered) {
  for (size_t slot = 0; slot < slot_count; ++slot)
    if (answered.has(slot))
      s->missing.remove(slot);
  s->parts.push_back(std::move(part));
}

void registry_reader::end_question(const search_ptr& s) {
  if (--s->open > 0)
    return;
  if (s->missing.empty()) {
    s->answer.deliver(search_page{merge(std::move(s->parts), s->offset, s->limit), s->exact,
                                  (s->lag_ms + 999) / 1000});
    return;
  }
  // A part of the matches would look like all of them.
  if (s->failure || s->at == stage::copy) {
    s->answer.deliver(to_caf(s->failure.value_or(error{ec::unavailable, "slots are missing"})));
    return;
  }
  go_on(s);
}

// -- entries -----------------------------------------------------------------------------

registry_reader::promise<entry_list> registry_reader::on_lookup(const lookup_entries& ask) {
  auto p = std::make_shared<page>();
  p->keys = ask.keys;
  p->missing = ask.keys;
  p->answer = make_response_promise<promise<entry_list>>();
  if (ask.keys.size() > limits::registry_entries_max)
    p->answer.deliver(to_caf({ec::too_large, "too many entries at once"}));
  else
    ask_stage(p);
  return p->answer;
}

void registry_reader::ask_stage(const page_ptr& p) {
  std::map<cluster::node_number, std::vector<std::string>> questions;
  std::vector<std::string> left;
  for (auto& key : std::exchange(p->missing, {})) {
    auto node = whom_at(*p, slot_of_key(table::entries, key));
    (node == cluster::nobody ? left : questions[node]).push_back(std::move(key));
  }
  p->missing = std::move(left);
  p->open = 1;
  for (auto& [node, keys] : questions) {
    ++p->open;
    if (node == cluster::this_node)
      ask_here(p, keys);
    else
      ask_there(p, peers_.routes->name_of(node), std::move(keys));
  }
  end_question(p);
}

void registry_reader::ask_here(const page_ptr& p, const std::vector<std::string>& keys) {
  look_up_here(this, peers_, keys, [=, this](std::vector<registry_entry> found) {
    for (auto& x : found)
      p->found.insert_or_assign(x.hashes.primary_key(), std::move(x));
    end_question(p);
  });
}

/// One question, unless the entries are too large for one answer.
void registry_reader::ask_there(const page_ptr& p, const std::string& node,
                                std::vector<std::string> keys) {
  auto kind = p->at == stage::owners ? link_kind::entries : link_kind::copy_entries;
  auto body = to_archive(lookup_entries{keys});
  auto then = [=, this, keys = std::move(keys)](const result<std::string>& answer) {
    auto part = answer ? from_archive<entry_part>(*answer) : tl::unexpected{answer.error()};
    p->moving = p->moving || (!part && part.error().code == ec::not_owner);
    auto count = part ? std::min<uint64_t>(part->done, keys.size()) : 0;
    if (part)
      for (auto& x : part->entries)
        p->found.insert_or_assign(x.hashes.primary_key(), std::move(x));
    std::vector<std::string> rest{keys.begin() + static_cast<ptrdiff_t>(count), keys.end()};
    if (count > 0 && !rest.empty()) {
      ask_there(p, node, std::move(rest));
      return;
    }
    p->missing.insert(p->missing.end(), rest.begin(), rest.end());
    end_question(p);
  };
  asker_.ask(node, kind, std::move(body), peers_.now() + peers_.read_patience, std::move(then));
}

void registry_reader::end_question(const page_ptr& p) {
  if (--p->open > 0)
    return;
  if (!p->missing.empty() && p->at != stage::copy) {
    go_on(p);
    return;
  }
  entry_list made;
  for (auto& key : p->keys)
    if (auto found = p->found.find(key); found != p->found.end())
      made.entries.push_back(found->second);
  p->answer.deliver(std::move(made));
}

registry_reader::behavior_type registry_reader::make_behavior() {
  return {
      [this](const search_query& x) { return on_search(x); },
      [this](const lookup_entries& x) { return on_lookup(x); },
      [this](remote_answer& x) { asker_.answer(x); },
      [this](const try_again& x) {
        if (auto paused = paused_.extract(x.ticket))
          paused.mapped()();
      },
  };
}

} // namespace shoal
