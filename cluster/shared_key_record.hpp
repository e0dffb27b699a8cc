// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/limits.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cluster {

/// One secret in its time. Never log it.
struct key_generation {
  static constexpr size_t secret_bytes = 32;

  uint64_t number = 0;         ///< 1 for the first, then one more each time.
  unix_seconds created_at = 0; ///< By the clock of the node that made it.
  std::string secret;          ///< `secret_bytes` random bytes.

  bool operator==(const key_generation&) const = default;
};

/// A generation, and what nodes know of it.
struct recorded_generation {
  key_generation key;
  int64_t known_s = 0; ///< Since a node saw it first, as nodes' monotonic clocks count.

  bool operator==(const recorded_generation&) const = default;
};

/// The value of shoal/keys/NAME: a secret that all nodes of a cluster share, the newest generation
/// first. JSON with the secrets in hexadecimal digits; unknown members are skipped.
struct shared_key_record {
  static constexpr size_t generations_max = limits::shared_key_generations_max;

  std::vector<recorded_generation> generations; ///< 1..generations_max, numbers descending.

  bool operator==(const shared_key_record&) const = default;
};

std::string encode(const shared_key_record& x);

/// @errors ec::corrupt, never with anything of the value in its detail.
result<shared_key_record> decode_shared_key(std::string_view value);

} // namespace shoal::cluster
