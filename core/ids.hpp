// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/hex.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <optional>

namespace shoal {

/// A fixed-size binary name. `Tag` keeps the kinds apart for the compiler.
template <class Tag, size_t Size>
struct byte_id {
  static constexpr size_t size_bytes = Size;

  std::array<uint8_t, Size> bytes{};

  /// @returns nothing unless `data` has exactly `Size` bytes.
  static std::optional<byte_id> from_bytes(std::span<const uint8_t> data) {
    if (data.size() != Size)
      return std::nullopt;
    byte_id id;
    std::copy(data.begin(), data.end(), id.bytes.begin());
    return id;
  }

  static std::optional<byte_id> from_bytes(std::string_view data) {
    return from_bytes(as_bytes(data));
  }

  /// @returns nothing unless `text` is exactly `2 * Size` hexadecimal digits of either case.
  static std::optional<byte_id> from_hex(std::string_view text) {
    byte_id id;
    if (!shoal::from_hex(text, id.bytes))
      return std::nullopt;
    return id;
  }

  std::string hex() const { return to_hex(bytes); }

  /// The first eight digits, for logs.
  std::string brief() const { return to_hex(std::span(bytes).first(4)); }

  std::string_view chars() const { return as_chars(bytes); }

  auto operator<=>(const byte_id&) const = default;
};

/// Inspectable without a CAF header: see STYLE "Messages".
template <class Inspector, class Tag, size_t Size>
typename Inspector::result_type inspect(Inspector& f, byte_id<Tag, Size>& x) {
  return f(x.bytes);
}

/// What trackers and the DHT name a swarm by: SHA-1 of a v1 info dictionary, or the first 20 bytes
/// of a v2 one's SHA-256. @source BEP 3, BEP 52.
using info_hash = byte_id<struct info_hash_tag, 20>;

/// The name of an object, and the full v2 info-hash.
using sha256_digest = byte_id<struct sha256_tag, 32>;

/// Chosen at random by a client for each torrent session. @source BEP 3, BEP 20.
using peer_id = byte_id<struct peer_id_tag, 20>;

/// @returns the 20 bytes by which a v2 torrent is announced. @source BEP 52 "infohash".
inline info_hash truncate(const sha256_digest& full) {
  info_hash hash;
  std::copy_n(full.bytes.begin(), info_hash::size_bytes, hash.bytes.begin());
  return hash;
}

} // namespace shoal

/// The bytes are digests already, so eight of them are a good hash against everybody who cannot
/// choose them; tables that face outsiders mix in a secret (see `seeded_hash`).
template <class Tag, size_t Size>
struct std::hash<shoal::byte_id<Tag, Size>> {
  size_t operator()(const shoal::byte_id<Tag, Size>& id) const noexcept {
    static_assert(Size >= sizeof(size_t) + 4);
    size_t value;
    std::memcpy(&value, id.bytes.data() + 4, sizeof(value));
    return value;
  }
};
