// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/net.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <optional>

namespace shoal::http {

/// How many connections each client has open: one IPv4 address or one IPv6 /64. Thread-safe and
/// without locks; memory is fixed at 512 KiB whatever the number of clients. Each client counts in
/// one cell of either row, which others may share by chance, and the smaller cell is believed: so
/// nobody counts for less than it has, and for more only if it meets crowds in both.
class address_counts {
public:
  /// @param max connections of one client at once; 0 is no limit.
  address_counts(uint32_t max, const hash_key& secret);

  /// Counts a connection in. @returns where, for `leave`; nothing if the client has too many.
  std::optional<uint32_t> enter(const ip_address& client);

  void leave(uint32_t where) noexcept;

  /// Whether there is no limit for anybody.
  bool unlimited() const { return max_ == 0; }

private:
  static constexpr size_t cells = 65'536;
  using row = std::array<std::atomic<uint32_t>, cells>;

  uint32_t max_;
  hash_key secret_;
  std::unique_ptr<std::array<row, 2>> rows_;
};

} // namespace shoal::http
