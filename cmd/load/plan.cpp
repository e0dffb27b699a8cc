// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/plan.hpp"

namespace shoal::load {

namespace {

/// The smallest swarm in which peer `peer` speaks from `source`.
uint64_t first_swarm(uint64_t peer, unsigned source, unsigned sources) {
  return (source + sources - peer % sources) % sources;
}

} // namespace

request_plan::request_plan(const load_options& options, const population& all, phase what,
                           uint64_t seed)
    : options_{options}, all_{all}, phase_{what}, random_{seed}, cursors_(options.sources) {}

std::optional<planned_request> request_plan::next(unsigned source) {
  if (phase_ == phase::prefill)
    return next_unannounced(source);
  planned_request request;
  auto ticket = random_.below(options_.mix.sum());
  if (ticket < options_.mix.connect)
    request.kind = request_kind::connect;
  else if (ticket < options_.mix.connect + options_.mix.announce)
    request.kind = request_kind::announce;
  else
    request.kind = request_kind::scrape;
  if (request.kind == request_kind::announce && random_.percent(options_.invalid_percent))
    request.kind = request_kind::invalid;
  choose_peer(request, source);
  if (options_.churn)
    request.event = choose_event();
  request.numwant = request.event == announce_event::stopped ? 0 : options_.numwant;
  return request;
}

std::optional<planned_request> request_plan::next_unannounced(unsigned source) {
  auto& at = cursors_[source];
  if (at.started)
    at.swarm += options_.sources;
  else
    at.swarm = first_swarm(0, source, options_.sources);
  at.started = true;
  while (at.swarm >= all_.swarms()) {
    if (++at.peer >= all_.peers()) {
      --at.peer; // Stay at the end, however often somebody asks.
      return std::nullopt;
    }
    at.swarm = first_swarm(at.peer, source, options_.sources);
  }
  return planned_request{request_kind::announce, at.swarm, at.peer, announce_event::started, 0};
}

void request_plan::choose_peer(planned_request& request, unsigned source) {
  auto sources = options_.sources;
  request.peer = random_.below(all_.peers());
  auto first = first_swarm(request.peer, source, sources);
  if (first < all_.swarms()) {
    auto choices = (all_.swarms() - first + sources - 1) / sources;
    request.swarm = first + sources * random_.below(choices);
    return;
  }
  // Fewer swarms than sources: not every peer has one for this source.
  request.swarm = random_.below(all_.swarms());
  auto first_peer = first_swarm(request.swarm, source, sources);
  if (first_peer < all_.peers()) {
    auto choices = (all_.peers() - first_peer + sources - 1) / sources;
    request.peer = first_peer + sources * random_.below(choices);
  }
}

announce_event request_plan::choose_event() {
  auto ticket = random_.below(100);
  if (ticket < 3)
    return announce_event::started;
  if (ticket < 4)
    return announce_event::completed;
  return ticket < 6 ? announce_event::stopped : announce_event::none;
}

} // namespace shoal::load
