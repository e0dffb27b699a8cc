// SPDX-License-Identifier: Apache-2.0
#include "actors/web_metrics.hpp"

namespace shoal {

namespace {

metrics::counter& closed(metrics::registry& registry, std::string_view reason) {
  return registry.add_counter("shoal_ws_closed_total", "WebSockets that the node closed, by reason",
                              "reason=\"" + std::string{reason} + '"');
}

metrics::counter& relayed(metrics::registry& registry, std::string_view kind) {
  return registry.add_counter("shoal_ws_relayed_total", "Offers and answers passed on to a peer",
                              "kind=\"" + std::string{kind} + '"');
}

} // namespace

web_metrics::web_metrics(metrics::registry& registry)
    : sockets{registry.add_gauge("shoal_ws_sockets", "Open WebSockets")},
      offers{relayed(registry, "offer")}, answers{relayed(registry, "answer")},
      dropped_answers{registry.add_counter("shoal_ws_dropped_answers_total",
                                           "Answers to offers that are not known")},
      bad_messages{registry.add_counter("shoal_ws_bad_messages_total",
                                        "WebSocket messages that are none of the protocol")},
      silent{closed(registry, "silent")}, broken{closed(registry, "broken")},
      misused{closed(registry, "misused")}, slow{closed(registry, "slow")} {}

} // namespace shoal
