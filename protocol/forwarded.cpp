// SPDX-License-Identifier: Apache-2.0
#include "protocol/forwarded.hpp"

#include "core/limits.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <optional>

namespace shoal {

namespace {

bool is_port(std::string_view digits) {
  return !digits.empty() && digits.size() <= 5
         && std::all_of(digits.begin(), digits.end(), text::is_digit);
}

std::optional<ip_address> parse_hop(std::string_view hop) {
  if (hop.starts_with('[')) {
    auto close = hop.find(']');
    if (close == std::string_view::npos)
      return std::nullopt;
    auto rest = hop.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1))))
      return std::nullopt;
    auto inside = hop.substr(1, close - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : ip_address::parse(inside);
  }
  auto colon = hop.find(':');
  // A single colon separates a port; an IPv6 address has at least two.
  if (colon != std::string_view::npos && hop.find(':', colon + 1) == std::string_view::npos) {
    if (!is_port(hop.substr(colon + 1)))
      return std::nullopt;
    hop = hop.substr(0, colon);
  }
  return ip_address::parse(hop);
}

} // namespace

ip_address real_address(const ip_address& socket, const std::vector<cidr>& trusted,
                        std::span<const std::string_view> headers) {
  auto current = socket;
  size_t hops = 0;
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    auto rest = *header;
    while (!rest.empty()) {
      auto comma = rest.rfind(',');
      auto hop = text::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
      if (hop.empty())
        continue;
      if (++hops > limits::forwarded_hops_max || !contains(trusted, current))
        return current;
      auto address = parse_hop(hop);
      if (!address)
        return current;
      current = *address;
    }
  }
  return current;
}

} // namespace shoal
