// SPDX-License-Identifier: Apache-2.0
#include "core/net.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace shoal {

namespace {

constexpr std::array<uint8_t, 12> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

cidr network(std::string_view text) {
  return *cidr::parse(text);
}

/// Networks whose addresses mean nothing to a peer elsewhere.
/// @source IANA special-purpose address registries (RFC 6890), RFC 4380 (Teredo), RFC 4291 (::/96),
/// RFC 3879 (fec0::/10).
const std::vector<cidr>& special_networks() {
  static const std::vector<cidr> networks{
      network("0.0.0.0/8"),     network("10.0.0.0/8"),      network("100.64.0.0/10"),
      network("127.0.0.0/8"),   network("169.254.0.0/16"),  network("172.16.0.0/12"),
      network("192.0.0.0/24"),  network("192.0.2.0/24"),    network("192.168.0.0/16"),
      network("198.18.0.0/15"), network("198.51.100.0/24"), network("203.0.113.0/24"),
      network("224.0.0.0/3"),   network("::/96"),           network("64:ff9b:1::/48"),
      network("100::/64"),      network("2001::/32"),       network("2001:2::/48"),
      network("2001:10::/28"),  network("2001:20::/28"),    network("2001:db8::/32"),
      network("3fff::/20"),     network("5f00::/16"),       network("fc00::/7"),
      network("fe80::/10"),     network("fec0::/10"),       network("ff00::/8"),
  };
  return networks;
}

} // namespace

ip_address ip_address::v4(std::array<uint8_t, 4> bytes) {
  ip_address address;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

ip_address ip_address::v6(const std::array<uint8_t, 16>& bytes) {
  if (std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  ip_address address;
  address.family = ip_family::v6;
  address.bytes = bytes;
  return address;
}

std::optional<ip_address> ip_address::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() >= sizeof(buffer))
    return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  std::array<uint8_t, 4> four;
  if (inet_pton(AF_INET, buffer, four.data()) == 1)
    return v4(four);
  std::array<uint8_t, 16> sixteen;
  if (inet_pton(AF_INET6, buffer, sixteen.data()) == 1)
    return v6(sixteen);
  return std::nullopt;
}

std::string ip_address::str() const {
  char buffer[INET6_ADDRSTRLEN];
  auto* text = inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes.data(), buffer, sizeof(buffer));
  return text ? text : "";
}

bool ip_address::is_loopback() const {
  if (is_v4())
    return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; })
         && bytes.back() == 1;
}

bool ip_address::is_global() const {
  return !shoal::contains(special_networks(), *this);
}

std::string endpoint::str() const {
  auto host = address.is_v4() ? address.str() : "[" + address.str() + "]";
  return host + ":" + std::to_string(port);
}

std::optional<cidr> cidr::parse(std::string_view text) {
  auto slash = text.find('/');
  auto address = ip_address::parse(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  auto bits = static_cast<unsigned>(address->size() * 8);
  if (slash != std::string_view::npos) {
    auto digits = text.substr(slash + 1);
    unsigned value = 0;
    auto [end, errc] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (errc != std::errc{} || end != digits.data() + digits.size() || value > bits)
      return std::nullopt;
    bits = value;
  }
  return cidr{*address, static_cast<uint8_t>(bits)};
}

bool cidr::contains(const ip_address& address) const {
  if (address.family != network.family)
    return false;
  auto whole = prefix_bits / 8u;
  if (!std::equal(network.bytes.begin(), network.bytes.begin() + whole, address.bytes.begin()))
    return false;
  auto rest = prefix_bits % 8u;
  if (rest == 0)
    return true;
  auto mask = static_cast<uint8_t>(0xff << (8 - rest));
  return (network.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::string cidr::str() const {
  return network.str() + "/" + std::to_string(prefix_bits);
}

bool contains(const std::vector<cidr>& networks, const ip_address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const cidr& network) { return network.contains(address); });
}

} // namespace shoal
