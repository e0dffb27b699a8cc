// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace shoal::load {

/// What a process and its children have used so far. @source proc(5)
struct process_usage {
  double user_s = 0;
  double system_s = 0;
  uint64_t resident_bytes = 0; ///< Now.

  double cpu_s() const { return user_s + system_s; }
};

/// @returns nothing if there is no such process.
std::optional<process_usage> usage_of(int pid);

/// @returns seconds that all processors together have worked since the machine started.
double machine_busy_s();

} // namespace shoal::load
