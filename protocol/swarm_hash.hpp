// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"

#include <compare>

namespace shoal {

/// An `info_hash` as a client sent it: 20 bytes (v1, or v2 truncated by the client) or all 32
/// bytes of a v2 hash. A reply names the swarm by the same bytes. @source BEP 52 "tracker".
class swarm_hash {
public:
  swarm_hash() = default;
  explicit swarm_hash(const shoal::info_hash& hash);
  explicit swarm_hash(const sha256_digest& hash);

  /// Decodes the escaped value of an `info_hash` parameter without allocating.
  /// @errors ec::invalid_argument: a bad escape, or neither 20 nor 32 bytes.
  static result<swarm_hash> decode(std::string_view escaped);

  /// The 20 bytes that name the swarm here.
  info_hash truncated() const;

  bool is_full_v2() const { return size_ == sha256_digest::size_bytes; }

  /// @returns all 32 bytes if the client sent them.
  std::optional<sha256_digest> full_v2() const;

  /// The bytes as sent; valid as long as this object.
  std::string_view chars() const { return as_chars(std::span(bytes_).first(size_)); }

  /// Orders by raw bytes, the shorter first, as bencoded keys are sorted.
  std::strong_ordering operator<=>(const swarm_hash& other) const {
    return chars() <=> other.chars();
  }
  bool operator==(const swarm_hash& other) const { return chars() == other.chars(); }

private:
  std::array<uint8_t, sha256_digest::size_bytes> bytes_{};
  uint8_t size_ = info_hash::size_bytes;
};

} // namespace shoal
