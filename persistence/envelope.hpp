// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/hex.hpp"
#include "persistence/table.hpp"
#include "persistence/wire.hpp"

#include <optional>

/// What stands around every value in the store: `revision u64 | crc u32 | payload`.
namespace shoal {

inline constexpr size_t envelope_bytes = 12;

/// Keys in `meta` that only the store itself writes.
inline constexpr std::string_view reserved_prefix = "store.";
inline constexpr std::string_view revision_key = "store.revision";

struct envelope {
  uint64_t revision;
  std::string_view payload;
};

/// The key is part of the sum: a value that ends up under a foreign key is as damaged as a flipped
/// bit.
inline uint32_t envelope_crc(std::string_view key, std::string_view revision,
                             std::string_view payload) {
  return wire::crc32(key, revision, payload);
}

/// Writes `envelope_bytes + payload.size()` bytes.
inline void seal_envelope(std::string_view key, uint64_t revision, std::string_view payload,
                          char* out) {
  wire::store(revision, out);
  wire::store(envelope_crc(key, {out, 8}, payload), out + 8);
  payload.copy(out + envelope_bytes, payload.size());
}

/// @returns nothing if a byte is not what it was.
inline std::optional<envelope> open_envelope(std::string_view key, std::string_view stored) {
  if (stored.size() < envelope_bytes)
    return std::nullopt;
  auto payload = stored.substr(envelope_bytes);
  if (envelope_crc(key, stored.substr(0, 8), payload) != wire::load<uint32_t>(stored.data() + 8))
    return std::nullopt;
  return envelope{wire::load<uint64_t>(stored.data()), payload};
}

/// The error for a value that does not open; keys that people read are shown as they are.
inline error damaged(table where, std::string_view key) {
  auto readable = where == table::meta || where == table::refs || where == table::users;
  return {ec::corrupt, "the value of key " + (readable ? std::string(key) : to_hex(as_bytes(key)))
                           + " in table " + std::string(name(where))};
}

} // namespace shoal
