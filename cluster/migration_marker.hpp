// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::cluster {

/// The value of `shoal/migration`: how far a registry has been moved in. "SOURCE TABLE KEY", the
/// key in hexadecimal digits; then "SOURCE copied"; then "SOURCE done". Until it is done no node
/// starts, so what is below `shoal/data/` is the migration's alone.
struct migration_marker {
  enum class phase : uint8_t {
    copying, ///< All before `table` and `after` is in etcd.
    copied,  ///< Everything is.
    done,    ///< And was compared.
  };

  std::string source; ///< Names the registry that is moved.
  phase at = phase::copying;
  size_t table = 0; ///< Index of shared_tables.
  std::string after;

  bool operator==(const migration_marker&) const = default;
};

std::string encode(const migration_marker& x);

/// @returns nothing if it is malformed.
std::optional<migration_marker> decode_migration_marker(std::string_view text);

} // namespace shoal::cluster
