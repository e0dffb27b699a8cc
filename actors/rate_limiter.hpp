// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/clock.hpp"
#include "core/defaults.hpp"
#include "core/net.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

namespace shoal {

struct rate_limiter_config {
  double per_second = defaults::rate_per_second; ///< Refill; 0 or less switches the limit off.
  double burst = defaults::rate_burst;           ///< Requests at once after a rest; at least 1.
  hash_key secret;                               ///< Against addresses chosen to collide.
};

/// A token bucket per client: one IPv4 address or one IPv6 /64. Thread-safe. Memory is fixed at
/// `buckets_max` times 16 bytes whatever the number of clients: they live in sets of eight, and a
/// new client takes the place of one whose bucket has refilled (which loses nothing), else of the
/// one that is nearest to it. So whoever empties its bucket is the last to be forgotten.
class rate_limiter {
public:
  static constexpr size_t buckets_max = 262'144;

  explicit rate_limiter(const rate_limiter_config& config = {});

  /// Takes a token. @returns false if there is none: the caller refuses the request.
  bool allow(const ip_address& client, mono_time now);

  /// Whether there is no limit for anybody.
  bool unlimited() const { return token_us_ == 0; }

  /// Seconds until the client has a token again, 0 if it has one now; for `Retry-After`.
  uint32_t retry_after_s(const ip_address& client, mono_time now) const;

  /// Buckets in use, for metrics. Never more than `buckets_max`.
  size_t size() const;

  size_t memory_bytes() const;

private:
  static constexpr size_t stripe_count = 64;
  static constexpr size_t ways = 8;
  static constexpr size_t sets_per_stripe = buckets_max / stripe_count / ways;

  struct bucket {
    uint64_t key = 0;    // Keyed hash of the client; 0 is free.
    int64_t full_at = 0; // When it is full again, in microseconds: all that a bucket needs to know.
  };
  struct alignas(64) stripe {
    mutable std::mutex mutex;
    std::vector<bucket> buckets; // Made at the first use.
    size_t used = 0;
  };

  uint64_t key_of(const ip_address& client) const;
  static size_t stripe_of(uint64_t key);
  static size_t set_of(uint64_t key);

  hash_key secret_;
  int64_t token_us_;    // Time to earn one token; 0 is no limit.
  int64_t capacity_us_; // Time to earn a whole burst.
  std::array<stripe, stripe_count> stripes_;
};

} // namespace shoal
