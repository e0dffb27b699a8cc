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

bool edge_inquiry::has_room() {
  if (open_ < limits::edge_inquiries_max)
    return true;
  desk_.shed.add();
  return false;
}

void edge_inquiry::ask(const info_hash& swarm, std::function<void(inquiry_outcome)> then) {
  ++open_;
  auto done = [this, then = std::move(then)](const result<registry_entry>& found) {
    --open_;
    auto outcome = outcome_of(found);
    desk_.ended[static_cast<size_t>(outcome)]->add();
    then(outcome);
  };
  port_.ask<registry_entry>(desk_.registry_of(swarm), seek_entry{std::string{swarm.chars()}},
                            std::move(done));
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
