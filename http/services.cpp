// SPDX-License-Identifier: Apache-2.0
#include "http/services.hpp"

#include "http/limit_metrics.hpp"

namespace shoal::http {

namespace {

metrics::counter& refusals(metrics::registry& registry, std::string_view reason) {
  return registry.add_counter("shoal_refused_total", "Requests and connections refused, by reason",
                              "reason=\"" + std::string{reason} + "\"");
}

} // namespace

http_metrics::http_metrics(metrics::registry& registry)
    : announces{registry.add_counter("tracker_announces_total",
                                     "Total number of announce requests handled")},
      scrapes{
          registry.add_counter("tracker_scrapes_total", "Total number of scrape requests handled")},
      bytes_sent{registry.add_counter("shoal_http_file_bytes_sent_total",
                                      "Bytes of objects and published files sent")},
      malformed{refusals(registry, "malformed")}, no_route{refusals(registry, "no_route")},
      rate_limited{refusals(registry, "rate_limited")},
      unauthorized{refusals(registry, "unauthorized")}, blocked{refusals(registry, "blocked")},
      unregistered{refusals(registry, "unregistered")}, bad_announce{refusals(registry,
                                                                              "bad_announce")},
      unanswered{registry.add_counter("shoal_unanswered_announces_total",
                                      "Announces answered without peers because the swarm did not "
                                      "answer in time")},
      overdue{registry.add_counter("shoal_http_overdue_total",
                                   "Connections cut because the client was too slow")},
      shed{refusals(registry, "overload")}, connections{registry.add_gauge(
                                                "shoal_http_connections", "Open HTTP connections")},
      announce_seconds{registry.add_histogram("shoal_announce_seconds",
                                              "Time from an announce's header to its answer")} {
  add_limit_metrics(registry);
}

} // namespace shoal::http
