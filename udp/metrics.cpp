// SPDX-License-Identifier: Apache-2.0
#include "udp/metrics.hpp"

#include <string>

namespace shoal::udp {

namespace {

constexpr std::array<std::string_view, packet_kind_count> kind_names{
    "connect", "announce", "scrape", "malformed", "bad_id", "banned"};

void add_if_any(metrics::counter& to, uint64_t n) {
  if (n != 0)
    to.add(n);
}

} // namespace

udp_metrics::udp_metrics(metrics::registry& registry)
    : receive_failures{registry.add_counter("shoal_udp_receive_failures_total",
                                            "Errors of UDP sockets on receiving")},
      send_failures{registry.add_counter("shoal_udp_send_failures_total",
                                         "UDP replies that the kernel did not take")},
      kernel_drops{registry.add_counter("shoal_udp_kernel_drops_total",
                                        "UDP packets lost because a socket's buffer was full")},
      in_flight{registry.add_gauge("shoal_udp_in_flight",
                                   "UDP requests that wait for a swarm, as of the last second")},
      errors_sent_{
          registry.add_counter("shoal_udp_errors_sent_total", "Error packets sent to UDP clients")},
      errors_withheld_{
          registry.add_counter("shoal_udp_errors_withheld_total",
                               "Error packets not sent, lest they hit somebody who did not ask")},
      bans_{registry.add_counter("shoal_udp_bans_total",
                                 "Addresses banned for their bad connection ids")} {
  for (size_t i = 0; i < packet_kind_count; ++i)
    packets_[i] = &registry.add_counter("shoal_udp_packets_total", "UDP packets received, by kind",
                                        "kind=\"" + std::string{kind_names[i]} + '"');
}

void udp_metrics::add(const tally& turn) {
  for (size_t i = 0; i < packet_kind_count; ++i)
    add_if_any(*packets_[i], turn.packets[i]);
  add_if_any(errors_sent_, turn.errors_sent);
  add_if_any(errors_withheld_, turn.errors_withheld);
  add_if_any(bans_, turn.bans);
}

} // namespace shoal::udp
