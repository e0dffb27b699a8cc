// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <algorithm>
#include <cstdint>

/// Token buckets on bytes, each one number: when all that was taken out of it is paid for, in
/// nanoseconds of the monotonic clock. Whoever takes more than is there waits for it afterwards, so
/// that any number of bytes can be taken at once and the rate still holds. Pure.
namespace shoal::byte_debt {

inline constexpr int64_t second_ns = 1'000'000'000;

/// Nobody waits longer, whatever was taken and however small the rate is: ten years.
inline constexpr int64_t debt_ns_max = int64_t{10} * 365 * 86'400 * second_ns;

inline int64_t nanoseconds(mono_time t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

/// @returns how long that takes, at most `debt_ns_max`.
/// @param rate bytes in each period, above 0.
inline int64_t cost_ns(uint64_t bytes, uint64_t rate, int64_t period_ns = second_ns) {
  auto exact
      = static_cast<double>(bytes) / static_cast<double>(rate) * static_cast<double>(period_ns);
  return static_cast<int64_t>(std::min(exact, static_cast<double>(debt_ns_max)));
}

/// Takes bytes out of a bucket. @param slack what a rest has saved up, at most.
/// @returns how long to wait until what was taken before is paid for.
inline int64_t take(int64_t& due, int64_t now, int64_t cost, int64_t slack) {
  auto start = std::max(due, now - slack);
  due = std::min(start + cost, now + debt_ns_max);
  return std::max<int64_t>(start - now, 0);
}

} // namespace shoal::byte_debt
