// SPDX-License-Identifier: Apache-2.0
#include "http/address_counts.hpp"

#include <algorithm>

namespace shoal::http {

address_counts::address_counts(uint32_t max, const hash_key& secret)
    : max_{max}, secret_{secret}, rows_{std::make_unique<std::array<row, 2>>()} {}

std::optional<uint32_t> address_counts::enter(const ip_address& client) {
  // Whoever has one IPv6 address has the whole /64.
  auto where = static_cast<uint32_t>(
      keyed_hash(secret_, std::span(client.bytes).first(client.is_v4() ? 4 : 8)));
  auto first = (*rows_)[0][where & 0xffff].fetch_add(1, std::memory_order_relaxed);
  auto second = (*rows_)[1][where >> 16].fetch_add(1, std::memory_order_relaxed);
  if (std::min(first, second) < max_)
    return where;
  leave(where);
  return std::nullopt;
}

void address_counts::leave(uint32_t where) noexcept {
  (*rows_)[0][where & 0xffff].fetch_sub(1, std::memory_order_relaxed);
  (*rows_)[1][where >> 16].fetch_sub(1, std::memory_order_relaxed);
}

} // namespace shoal::http
