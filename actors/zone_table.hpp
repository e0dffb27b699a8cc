// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <string>
#include <vector>

namespace shoal {

/// The operator's networks and the zones that they are in: data centres, campuses, regions.
class zone_table {
public:
  static constexpr size_t zones_max = 255;
  static constexpr size_t networks_max = 65'536;

  /// @param lines "NAME=CIDR" each; a name may come as often as it has networks.
  /// @errors ec::invalid_argument: a line that is none, or too many of them.
  static result<zone_table> parse(const std::vector<std::string>& lines);

  /// @returns 1.. in the order in which names came first, of the longest network that has the
  /// address; 0 if none has.
  uint8_t zone_of(const ip_address& address) const;

  /// @returns the zone of that name, 0 if there is none.
  uint8_t zone_named(std::string_view name) const;

private:
  /// All networks of one length, sorted, so that each length takes one binary search.
  struct level {
    ip_family family;
    uint8_t prefix_bits;
    std::vector<std::pair<std::array<uint8_t, 16>, uint8_t>> networks; // Masked address, zone.
  };

  std::vector<level> levels_; // The longest prefix first.
  std::vector<std::string> names_;
};

} // namespace shoal
