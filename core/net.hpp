// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

enum class ip_family : uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. A v4-mapped IPv6 address is always normalised to IPv4.
struct ip_address {
  ip_family family = ip_family::v4;
  std::array<uint8_t, 16> bytes{}; ///< Network order; the first 4 count for v4, the rest is zero.

  static ip_address v4(std::array<uint8_t, 4> bytes);
  static ip_address v6(const std::array<uint8_t, 16>& bytes);

  /// Parses a textual address; no names, no scope ids, no brackets.
  static std::optional<ip_address> parse(std::string_view text);

  std::string str() const;

  bool is_v4() const { return family == ip_family::v4; }

  /// 4 or 16.
  size_t size() const { return is_v4() ? 4 : 16; }

  bool is_loopback() const;

  /// Whether another host on the Internet could be reached under this address: not unspecified,
  /// loopback, private, link-local, unique-local, multicast, documentation, Teredo or broadcast.
  bool is_global() const;

  auto operator<=>(const ip_address&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ip_address& x) {
  return f(x.family, x.bytes);
}

struct endpoint {
  ip_address address;
  uint16_t port = 0; ///< Host order.

  /// "1.2.3.4:80" or "[2001:db8::1]:80".
  std::string str() const;

  auto operator<=>(const endpoint&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, endpoint& x) {
  return f(x.address, x.port);
}

/// A network in CIDR form, e.g. "10.0.0.0/8"; a bare address is a network of one.
struct cidr {
  ip_address network;
  uint8_t prefix_bits = 0; ///< 0..32 for v4, 0..128 for v6.

  static std::optional<cidr> parse(std::string_view text);

  bool contains(const ip_address& address) const;

  std::string str() const;

  bool operator==(const cidr&) const = default;
};

/// @returns whether any of the networks contains the address.
bool contains(const std::vector<cidr>& networks, const ip_address& address);

} // namespace shoal
