// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace shoal {

/// The secret of one process (or cluster) that keeps outsiders from choosing colliding names.
struct hash_key {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

/// SipHash-1-3: short inputs, a secret key, no way to make collisions from outside.
/// @source Aumasson and Bernstein, "SipHash: a fast short-input PRF".
uint64_t keyed_hash(const hash_key& key, std::span<const uint8_t> bytes);

/// Spreads the bits of a value that outsiders cannot choose. Not a defence by itself.
constexpr uint64_t mix_bits(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

} // namespace shoal
