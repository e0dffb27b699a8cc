// SPDX-License-Identifier: Apache-2.0
#include "cluster/commit_meters.hpp"

#include <algorithm>

namespace shoal::cluster {

namespace {

uint64_t microseconds(mono_time::duration took) {
  auto count = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  return static_cast<uint64_t>(std::max<int64_t>(count, 0));
}

} // namespace

commit_meters::commit_meters(metrics::registry& to)
    : latency_{to.add_histogram("shoal_etcd_commit_seconds",
                                "Time from a write's arrival to its success")},
      round_trips_{to.add_histogram("shoal_etcd_transaction_seconds",
                                    "Time of a transaction to etcd and back")} {
  constexpr std::array<std::string_view, ending_count> names{
      "committed", "conflict", "stale_owner", "unknown", "unavailable", "refused"};
  for (size_t i = 0; i < ending_count; ++i)
    results_[i] = &to.add_counter("shoal_etcd_commits_total", "Writes answered, by result",
                                  "result=" + metrics::quoted(names[i]));
}

commit_meters::ending commit_meters::ending_of(const result<uint64_t>& outcome) {
  if (outcome)
    return ending::committed;
  switch (outcome.error().code) {
  case ec::conflict:
    return ending::conflict;
  case ec::not_owner:
    return ending::stale_owner;
  case ec::timeout:
    return ending::unknown;
  case ec::unavailable:
    return ending::unavailable;
  default: // Too large, too many, not allowed.
    return ending::refused;
  }
}

void commit_meters::answered(const result<uint64_t>& outcome, mono_time::duration took) {
  results_[static_cast<size_t>(ending_of(outcome))]->add();
  if (outcome)
    latency_.observe_us(microseconds(took));
}

void commit_meters::round_trip(mono_time::duration took) {
  round_trips_.observe_us(microseconds(took));
}

} // namespace shoal::cluster
