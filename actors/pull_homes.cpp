// SPDX-License-Identifier: Apache-2.0
#include "actors/pull_homes.hpp"

#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "cluster/object_homes.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr size_t address_bytes_max = 300;

bool is_sound(const object_place& x) {
  return !x.address.empty() && x.address.size() <= address_bytes_max;
}

} // namespace

pull_homes::pull_homes(caf::actor_config& cfg, pull_homes_config config)
    : pull_homes_actor::base(cfg), config_{std::move(config)}, asker_{*config_.links,
                                                                      caf::actor_cast<caf::actor>(
                                                                          this)} {}

pull_homes::promise pull_homes::on_find(const find_home& ask) {
  auto s = std::make_shared<search>();
  s->answer = make_response_promise<promise>();
  auto has_failed = [&](auto& node) {
    return std::find(ask.failed.begin(), ask.failed.end(), node) != ask.failed.end();
  };
  auto there = config_.there();
  for (auto i : cluster::rank_homes(there, ask.pull))
    if (!has_failed(there[i].id))
      s->nodes.push_back(there[i].id);
  // Where all nodes leave, or none may keep anything, whoever is asked pulls.
  if (ask.failed.empty() && s->nodes.empty())
    s->nodes.push_back(config_.self);
  std::reverse(s->nodes.begin(), s->nodes.end());
  for (auto& node : ask.failed)
    known_.erase(node); // It may be somewhere else by now.
  known_.erase(ask.doubted);
  try_next(s);
  return s->answer;
}

void pull_homes::try_next(const search_ptr& s) {
  if (s->nodes.empty()) {
    s->answer.deliver(to_caf({ec::unavailable, "no node is left that could pull the file"}));
    return;
  }
  auto node = std::move(s->nodes.back());
  s->nodes.pop_back();
  auto found = known_.find(node);
  if (node == config_.self) {
    s->answer.deliver(pull_home{{0, {}, {}, node}});
  } else if (found != known_.end() && found->second.until > config_.now()) {
    s->answer.deliver(pull_home{{0, found->second.address, {}, node}});
  } else {
    auto& waiting = asking_[node];
    waiting.push_back(s);
    if (waiting.size() > 1)
      return;
    asker_.ask(node, link_kind::pull_place, {}, config_.now() + config_.patience,
               [this, node](const result<std::string>& body) { on_answer(node, body); });
  }
}

void pull_homes::on_answer(const std::string& node, const result<std::string>& body) {
  auto place = body ? from_archive<object_place>(*body) : tl::unexpected{body.error()};
  auto waiting = asking_.extract(node);
  if (!waiting)
    return;
  auto is_good = place && is_sound(*place);
  if (is_good)
    known_[node] = {place->address, config_.now() + config_.lifetime};
  for (auto& s : waiting.mapped())
    if (is_good)
      s->answer.deliver(pull_home{{0, place->address, {}, node}});
    else
      try_next(s);
}

void pull_homes::on_question(const link_question& x) const {
  auto address = config_.bulk_address();
  if (address.empty())
    x.reply(fail(ec::unavailable, "this node serves nothing yet"));
  else
    x.reply(to_archive(object_place{0, std::move(address), {}, {}}));
}

pull_homes::behavior_type pull_homes::make_behavior() {
  return {
      [this](const find_home& x) { return on_find(x); },
      [this](const link_question& x) { on_question(x); },
      [this](remote_answer& x) { asker_.answer(x); },
  };
}

} // namespace shoal
