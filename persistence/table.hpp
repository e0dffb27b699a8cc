// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal {

/// What the store keeps apart: one named LMDB database each. Append only.
enum class table : uint8_t {
  meta,        ///< Facts about the store. Keys that start with `store.` belong to the store itself.
  entries,     ///< Primary hash (20 or 32 bytes) -> `entry_record`.
  aliases,     ///< 20-byte hash -> `alias_record`.
  refs,        ///< "ns/name@rev" -> `ref_record`.
  blocked,     ///< 20 or 32 byte hash -> `blocked_record`.
  users,       ///< User id -> `usage_record`.
  objects,     ///< SHA-256 -> `object_record`. This one and those below: see `object_index`.
  pins,        ///< SHA-256 and owner -> nothing.
  owners,      ///< Owner, a zero and SHA-256 -> nothing.
  acceptances, ///< Principal, a zero and "ns/name" -> `acceptance_record`. The registry's.
};

inline constexpr size_t table_count = 10;

/// What a registry's store has.
inline constexpr std::array registry_tables{table::meta,       table::entries, table::aliases,
                                            table::refs,       table::blocked, table::users,
                                            table::acceptances};

/// What an object index has, whose environment is its own.
inline constexpr std::array object_index_tables{table::meta, table::objects, table::pins,
                                                table::owners};

/// @returns the name on disk. Never change one: it is the storage format.
constexpr std::string_view name(table t) {
  constexpr std::array<std::string_view, table_count> names{
      "meta",  "entries", "aliases", "refs",   "blocked",
      "users", "objects", "pins",    "owners", "acceptances"};
  return names[static_cast<size_t>(t)];
}

} // namespace shoal
