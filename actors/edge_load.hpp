// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

#include <atomic>
#include <chrono>

namespace shoal {

/// How busy the I/O threads are: the share of time in which they do not wait for work. It tells of
/// overload wherever that comes from, also when others take the processors away.
class edge_load {
public:
  /// An I/O thread begins.
  void join() { threads_.fetch_add(1, std::memory_order_relaxed); }

  /// An I/O thread had nothing to do for so long.
  void waited(std::chrono::nanoseconds duration) {
    waited_ns_.add(static_cast<uint64_t>(duration.count()));
  }

  /// For one reader. @param passed_s since its last call. @returns 0 (idle) to 1.
  double take_busy_share(double passed_s);

  /// What `take_busy_share` said last; for everybody.
  double busy_share() const { return busy_.load(std::memory_order_relaxed); }

private:
  std::atomic<uint32_t> threads_{0};
  metrics::counter waited_ns_;
  uint64_t seen_ns_ = 0; // As of the last call.
  std::atomic<double> busy_{0};
};

} // namespace shoal
