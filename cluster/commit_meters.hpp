// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/metrics.hpp"

#include <array>

namespace shoal::cluster {

/// What operators see of commits to etcd as they happen. Thread-safe.
class commit_meters {
public:
  /// @param to outlives the meters.
  explicit commit_meters(metrics::registry& to);

  /// A write has been answered. @param took since it came.
  void answered(const result<uint64_t>& outcome, mono_time::duration took);

  /// etcd has answered a transaction.
  void round_trip(mono_time::duration took);

private:
  enum class ending : uint8_t { committed, conflict, stale_owner, unknown, unavailable, refused };
  static constexpr size_t ending_count = 6;

  static ending ending_of(const result<uint64_t>& outcome);

  metrics::histogram& latency_;
  metrics::histogram& round_trips_;
  std::array<metrics::counter*, ending_count> results_{};
};

} // namespace shoal::cluster
