// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace shoal {

/// Monotonic time: for intervals and deadlines. Handed to pure code as a parameter.
using mono_time = std::chrono::steady_clock::time_point;

/// Wall time in whole seconds since 1970 (UTC): for records that people read.
using unix_seconds = int64_t;

inline mono_time mono_now() {
  return std::chrono::steady_clock::now();
}

inline unix_seconds unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace shoal
