// SPDX-License-Identifier: Apache-2.0
#include "http/services.hpp"

#include "http/limit_metrics.hpp"
#include "http/process_metrics.hpp"

namespace shoal::http {

namespace {

metrics::counter& refusals(metrics::registry& registry, std::string_view reason) {
  return registry.add_counter("shoal_refused_total", "Requests and connections refused, by reason",
                              "reason=\"" + std::string{reason} + "\"");
}

} // namespace

http_metrics::http_metrics(metrics::registry& registry, tracker_gate& gate)
    : bytes_sent{registry.add_counter("shoal_http_file_bytes_sent_total",
                                      "Bytes of objects and published files sent")},
      malformed{refusals(registry, "malformed")}, no_route{refusals(registry, "no_route")},
      rate_limited{gate.refused(refusal_kind::rate_limited)}, unauthorized{gate.refused(
                                                                  refusal_kind::unauthorized)},
      over_quota{refusals(registry, "quota")}, licence_required{refusals(registry, "license")},
      pauses{registry.add_counter("shoal_download_pauses_total",
                                  "Times that a download waited for its share of the bandwidth")},
      overdue{registry.add_counter("shoal_http_overdue_total",
                                   "Connections cut because the client was too slow")},
      shed{refusals(registry, "overload")}, crowded{refusals(registry, "connections")},
      bad_proxy_header{refusals(registry, "proxy_header")},
      handshakes{registry.add_counter("shoal_tls_handshakes_total", "TLS connections set up")},
      bad_handshakes{refusals(registry, "tls_handshake")},
      lane_announces{registry.add_counter("shoal_http_lane_announces_total",
                                          "Announces answered on the shortest way")} {
  registry.add_reader("shoal_http_connections", "Open HTTP connections", "", [this] {
    auto closed = connections_closed.value(); // First, or there might be fewer than none.
    return double(connections_opened.value()) - double(closed);
  });
  add_limit_metrics(registry);
  add_process_metrics(registry);
}

} // namespace shoal::http
