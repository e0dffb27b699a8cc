// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <cstddef>

namespace shoal {

/// The key space is cut into this many slots; a slot is the unit of ownership and of placement.
inline constexpr size_t slot_count = 256;

/// @returns the slot, 0..255, of a swarm. Info-hashes are digests, so their first byte spreads
/// evenly.
inline size_t slot_of(const info_hash& hash) {
  return hash.bytes[0];
}

} // namespace shoal
