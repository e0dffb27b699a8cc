// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace shoal {

/// Numbers for the names that clients give themselves in their peer ids, so that a swarm remembers
/// one byte per peer. Safe on any thread without a lock. @source BEP 20 (Azureus style "-TR3000-")
class client_names {
public:
  static constexpr uint8_t unknown = 0;    ///< No name in a style that we read.
  static constexpr size_t names_max = 254; ///< Numbers 1..254.
  static constexpr uint8_t others = 255;   ///< A name that found no number.

  /// @returns the number of the client's name, a new one if it has none yet and there is one.
  uint8_t number_of(const peer_id& id);

  /// @returns e.g. "-TR3000-"; "unknown" and "others" for those two; empty for a free number.
  std::string name_of(uint8_t number) const;

  /// Makes numbers free that nobody has. Call it seldom: a number that was given since the last
  /// call stays, because those who took it may not have been counted yet.
  /// @param counts how many have each number.
  void review(const std::array<uint64_t, 256>& counts);

private:
  std::array<std::atomic<uint64_t>, names_max> names_{}; // Eight bytes each; 0 is free.
  std::array<std::atomic<bool>, names_max> given_{};     // Since the last review.
};

} // namespace shoal
