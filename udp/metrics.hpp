// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

#include <array>

namespace shoal::udp {

/// What a packet turned out to be.
enum class packet_kind : uint8_t {
  connect,
  announce,
  scrape,
  malformed, ///< Nothing that a client sends, or a bad PROXY header; ignored.
  bad_id,    ///< An announce or a scrape with a connection id that is not the client's.
  banned,    ///< From an address with too many of those; ignored.
};
inline constexpr size_t packet_kind_count = 6;

/// What happened in one turn of an edge thread: added to the shared counters in one go.
struct tally {
  std::array<uint64_t, packet_kind_count> packets{};
  uint64_t received_bytes = 0;
  uint64_t errors_sent = 0;
  uint64_t errors_withheld = 0;
  uint64_t bans = 0;

  void note(packet_kind kind) { ++packets[static_cast<size_t>(kind)]; }
};

/// What the UDP tracker counts besides what all transports do (see tracker_gate).
class udp_metrics {
public:
  explicit udp_metrics(metrics::registry& registry);

  void add(const tally& turn);

  metrics::counter& receive_failures;
  metrics::counter& send_failures;
  metrics::counter& kernel_drops;
  metrics::gauge& in_flight;

private:
  std::array<metrics::counter*, packet_kind_count> packets_;
  metrics::counter& errors_sent_;
  metrics::counter& errors_withheld_;
  metrics::counter& bans_;
};

} // namespace shoal::udp
