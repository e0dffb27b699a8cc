// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_inquiry.hpp"

namespace shoal {

namespace {

constexpr auto metric = "shoal_registry_inquiries_total";
constexpr auto metric_help = "Hashes that this node's copy of the registry does not have, asked of "
                             "others before a client is refused";

inquiry_outcome outcome_of(const result<registry_entry>& found) {
  if (found)
    return inquiry_outcome::registered;
  return is_client_error(found.error().code) ? inquiry_outcome::unregistered
                                             : inquiry_outcome::unknown;
}

} // namespace

inquiry_desk::inquiry_desk(const swarm_directory& swarms,
                           std::function<registry_shard_actor(const info_hash&)> find,
                           metrics::registry& numbers)
    : directory{swarms}, registry_of{std::move(find)}, shed{numbers.add_counter(
                                                           metric, metric_help,
                                                           "outcome=\"shed\"")} {
  auto add = [&](inquiry_outcome how, const char* label) {
    ended[static_cast<size_t>(how)] = &numbers.add_counter(metric, metric_help, label);
  };
  add(inquiry_outcome::registered, "outcome=\"registered\"");
  add(inquiry_outcome::unregistered, "outcome=\"unregistered\"");
  add(inquiry_outcome::unknown, "outcome=\"unknown\"");
}

bool edge_inquiry::has_room(const info_hash& swarm) {
  if (waiting_ < waiting_max
      && (open_.size() < limits::edge_inquiries_max || open_.contains(swarm)))
    return true;
  desk_.shed.add();
  return false;
}

void edge_inquiry::ask(const info_hash& swarm, listener then) {
  ++waiting_;
  auto [at, is_new] = open_.try_emplace(swarm);
  (is_new ? at->second.asked : at->second.later).push_back(std::move(then));
  if (is_new)
    send(swarm);
}

void edge_inquiry::send(const info_hash& swarm) {
  auto done = [this, swarm](const result<registry_entry>& found) { answer(swarm, found); };
  port_.ask<registry_entry>(desk_.registry_of(swarm), seek_entry{std::string{swarm.chars()}},
                            std::move(done));
}

inquiry_outcome edge_inquiry::judge(const info_hash& swarm,
                                    const result<registry_entry>& found) const {
  auto here = desk_.directory.lookup(swarm);
  if (here.blocked)
    return inquiry_outcome::unregistered; // Meanwhile.
  if (here.registered)
    return inquiry_outcome::registered; // Meanwhile: what was asked before says less.
  auto outcome = outcome_of(found);
  // Another node owns the slot of which this one thinks that it is its own: a swarm that knows of
  // no entry counts for nobody.
  auto is_ours = outcome == inquiry_outcome::registered && !port_.is_elsewhere(swarm);
  return is_ours ? inquiry_outcome::unknown : outcome;
}

void edge_inquiry::answer(const info_hash& swarm, const result<registry_entry>& found) {
  auto outcome = judge(swarm, found);
  desk_.ended[static_cast<size_t>(outcome)]->add();
  auto at = open_.find(swarm);
  auto told = std::exchange(at->second.asked, {});
  auto later = std::exchange(at->second.later, {});
  // What was registered a moment ago may have come after the question.
  auto asks_again = outcome == inquiry_outcome::unregistered && !later.empty();
  if (asks_again) {
    at->second.asked = std::move(later);
  } else {
    std::move(later.begin(), later.end(), std::back_inserter(told));
    open_.erase(at);
  }
  waiting_ -= told.size();
  if (asks_again)
    send(swarm);
  for (auto& then : told)
    then(outcome);
}

void edge_inquiry::announce(announce_request req, announce_sink& sink) {
  auto swarm = req.swarm;
  auto then = [this, req = std::move(req), &sink](inquiry_outcome outcome) {
    if (outcome == inquiry_outcome::registered)
      port_.announce(req, desk_.directory.lookup(req.swarm).swarm, sink, port_.now());
    else if (outcome == inquiry_outcome::unregistered)
      sink.on_unregistered();
    else
      sink.on_reply(nullptr);
  };
  ask(swarm, std::move(then));
}

} // namespace shoal
