// SPDX-License-Identifier: Apache-2.0
#include "actors/zone_table.hpp"

#include <algorithm>

namespace shoal {

namespace {

std::array<uint8_t, 16> masked(const ip_address& address, uint8_t prefix_bits) {
  auto bytes = address.bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto begins = i * 8;
    if (begins >= prefix_bits)
      bytes[i] = 0;
    else if (prefix_bits - begins < 8)
      bytes[i] = uint8_t(bytes[i] & (0xff << (8 - (prefix_bits - begins))));
  }
  return bytes;
}

} // namespace

result<zone_table> zone_table::parse(const std::vector<std::string>& lines) {
  if (lines.size() > networks_max)
    return fail(ec::invalid_argument, "zones: too many networks");
  zone_table table;
  auto& names = table.names_;
  for (auto& line : lines) {
    auto equals = line.find('=');
    auto network = equals == std::string::npos || equals == 0
                       ? std::optional<cidr>{}
                       : cidr::parse(line.substr(equals + 1));
    if (!network)
      return fail(ec::invalid_argument, "zones: \"" + line + "\" is not NAME=NETWORK");
    auto name = line.substr(0, equals);
    auto known = std::find(names.begin(), names.end(), name);
    auto zone = size_t(known - names.begin()) + 1;
    if (known == names.end())
      names.push_back(name);
    if (zone > zones_max)
      return fail(ec::invalid_argument, "zones: more than 255 names");
    auto family = network->network.family;
    auto bits = network->prefix_bits;
    auto same = [&](const level& l) { return l.family == family && l.prefix_bits == bits; };
    auto at = std::find_if(table.levels_.begin(), table.levels_.end(), same);
    if (at == table.levels_.end())
      at = table.levels_.insert(at, level{family, bits, {}});
    at->networks.emplace_back(masked(network->network, bits), uint8_t(zone));
  }
  auto longer = [](const level& a, const level& b) { return a.prefix_bits > b.prefix_bits; };
  std::sort(table.levels_.begin(), table.levels_.end(), longer);
  for (auto& l : table.levels_)
    std::sort(l.networks.begin(), l.networks.end());
  return table;
}

uint8_t zone_table::zone_named(std::string_view name) const {
  auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? uint8_t{0} : uint8_t(found - names_.begin() + 1);
}

uint8_t zone_table::zone_of(const ip_address& address) const {
  for (auto& l : levels_) {
    if (l.family != address.family)
      continue;
    auto wanted = masked(address, l.prefix_bits);
    auto before = [](const auto& network, const auto& bytes) { return network.first < bytes; };
    auto at = std::lower_bound(l.networks.begin(), l.networks.end(), wanted, before);
    if (at != l.networks.end() && at->first == wanted)
      return at->second;
  }
  return 0;
}

} // namespace shoal
