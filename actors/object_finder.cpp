// SPDX-License-Identifier: Apache-2.0
#include "actors/object_finder.hpp"

#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Nodes come and go far more slowly.
constexpr std::chrono::seconds look_period{15};

constexpr size_t address_bytes_max = 300;

bool is_sound(const object_place& x) {
  return !x.address.empty() && x.address.size() <= address_bytes_max;
}

} // namespace

object_finder::object_finder(caf::actor_config& cfg, object_finder_config config)
    : object_finder_actor::base(cfg), config_{std::move(config)},
      asker_{*config_.links, caf::actor_cast<caf::actor>(this)}, cache_{config_.lifetime,
                                                                        limits::object_places_max} {
}

bool object_finder::look_around(const std::vector<std::string>& others) {
  auto now = config_.now();
  std::erase_if(seen_, [&](auto& x) { return now - x.second > config_.absence; });
  for (auto& node : others)
    if (seen_.size() < limits::link_peers_max || seen_.contains(node))
      seen_[node] = now;
  auto absent
      = [&](auto& x) { return std::find(others.begin(), others.end(), x.first) == others.end(); };
  return std::any_of(seen_.begin(), seen_.end(), absent);
}

object_finder::promise object_finder::on_find(const find_object& ask) {
  auto answer = make_response_promise<promise>();
  if (auto* known = ask.anew ? nullptr : cache_.find(ask.object, config_.now())) {
    answer.deliver(object_places{*known});
    return answer;
  }
  if (auto running = searches_.find(ask.object); running != searches_.end() && !ask.anew) {
    running->second->waiting.push_back(answer);
    return answer;
  }
  if (searches_.size() >= limits::object_searches_max) {
    answer.deliver(to_caf({ec::busy, "too many objects are sought"}));
    return answer;
  }
  auto s = std::make_shared<search>();
  s->object = ask.object;
  s->waiting.push_back(answer);
  begin(s);
  return answer;
}

void object_finder::begin(const search_ptr& s) {
  // One that is under way still answers those who wait for it.
  searches_[s->object] = s;
  cache_.forget(s->object);
  auto others = config_.others();
  s->unsure = look_around(others);
  s->open = others.size() + 1;
  auto question = to_archive(object_query{s->object});
  auto deadline = config_.now() + config_.patience;
  for (auto& node : others)
    asker_.ask(node, link_kind::object_place, question, deadline,
               [=, this](const result<std::string>& body) { on_answer(s, node, body); });
  close_one(s);
}

void object_finder::on_answer(const search_ptr& s, const std::string& node,
                              const result<std::string>& body) {
  auto place = body ? from_archive<object_place>(*body) : tl::unexpected{body.error()};
  if (place && is_sound(*place)) {
    place->node = node;
    auto at = place->zone == config_.zone ? s->places.begin() : s->places.end();
    s->places.insert(at, std::move(*place));
    if (auto current = searches_.find(s->object);
        current != searches_.end() && current->second == s)
      cache_.put(s->object, s->places, config_.now());
  } else if (place || place.error().code != ec::not_found) {
    s->unsure = true;
  }
  close_one(s);
}

void object_finder::close_one(const search_ptr& s) {
  if (--s->open == 0)
    return end(s);
  if (s->places.empty() || s->waiting.empty())
    return;
  if (s->places.front().zone == config_.zone)
    return give(*s);
  if (std::exchange(s->paused, true))
    return;
  auto ticket = ++last_pause_;
  paused_.emplace(ticket, s);
  delayed_send(this, config_.zone_patience, try_again{ticket});
}

void object_finder::give(search& s) {
  for (auto& waiting : std::exchange(s.waiting, {}))
    waiting.deliver(object_places{s.places});
}

void object_finder::end(const search_ptr& s) {
  if (auto current = searches_.find(s->object); current != searches_.end() && current->second == s)
    searches_.erase(current);
  if (!s->places.empty())
    return give(*s);
  error why{ec::not_found, "no node has the object"};
  if (s->unsure)
    why = {ec::unavailable, "a node that may have the object does not answer"};
  for (auto& waiting : std::exchange(s->waiting, {}))
    waiting.deliver(to_caf(why));
}

object_finder::behavior_type object_finder::make_behavior() {
  delayed_send(this, look_period, atom::tick::value);
  look_around(config_.others());
  return {
      [this](const find_object& x) { return on_find(x); },
      [this](remote_answer& x) { asker_.answer(x); },
      [this](const try_again& x) {
        if (auto paused = paused_.extract(x.ticket))
          give(*paused.mapped());
      },
      [this](atom::tick) {
        look_around(config_.others());
        delayed_send(this, look_period, atom::tick::value);
      },
  };
}

} // namespace shoal
