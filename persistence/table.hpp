// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal {

/// What the store keeps apart: one named LMDB database each. Append only.
enum class table : uint8_t {
  meta,    ///< Facts about the store. Keys that start with `store.` belong to the store itself.
  entries, ///< Primary hash (20 or 32 bytes) -> `entry_record`.
  aliases, ///< 20-byte hash -> `alias_record`.
  refs,    ///< "ns/name@rev" -> `ref_record`.
  blocked, ///< 20 or 32 byte hash -> `blocked_record`.
  users,   ///< User id -> `usage_record`.
};

inline constexpr size_t table_count = 6;

/// @returns the name on disk. Never change one: it is the storage format.
constexpr std::string_view name(table t) {
  constexpr std::array<std::string_view, table_count> names{"meta", "entries", "aliases",
                                                            "refs", "blocked", "users"};
  return names[static_cast<size_t>(t)];
}

} // namespace shoal
