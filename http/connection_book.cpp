// SPDX-License-Identifier: Apache-2.0
#include "http/connection_book.hpp"

namespace shoal::http {

namespace {

/// The seat of a connection whose address does not count.
constexpr uint64_t uncounted = UINT64_MAX;

} // namespace

bool connection_book::exempt(const ip_address& from) const {
  auto& config = srv_.config;
  // Proxies speak for many.
  return addresses_.unlimited() || contains(config.trusted_proxies, from)
         || contains(config.proxy_protocol_from, from)
         || contains(srv_.gate.config().unlimited_networks, from);
}

std::optional<connection_ticket> connection_book::enter(const ip_address& from) {
  if (open() >= srv_.config.connections_max) {
    srv_.metrics.shed.add();
    return std::nullopt;
  }
  auto seat = uncounted;
  if (!exempt(from)) {
    auto where = addresses_.enter(from);
    if (!where) {
      srv_.metrics.crowded.add();
      return std::nullopt;
    }
    seat = *where;
  }
  open_.store(open() + 1, std::memory_order_relaxed);
  srv_.metrics.connections_opened.add();
  return connection_ticket{*this, seat};
}

connection_ticket connection_book::enter_known() {
  open_.store(open() + 1, std::memory_order_relaxed);
  srv_.metrics.connections_opened.add();
  return connection_ticket{*this, uncounted};
}

void connection_book::leave(uint64_t seat) noexcept {
  if (seat != uncounted)
    addresses_.leave(static_cast<uint32_t>(seat));
  open_.store(open() - 1, std::memory_order_relaxed);
  srv_.metrics.connections_closed.add();
}

} // namespace shoal::http
