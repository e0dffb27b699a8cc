// SPDX-License-Identifier: Apache-2.0
#include "origin/origin_health.hpp"

#include <algorithm>
#include <numeric>

namespace shoal::origin {

namespace {

/// Doubled so often, the rest is at its longest.
constexpr unsigned doublings_max = 5;

bool is_of_origin(const failure& why) {
  switch (why.kind) {
  case failure_kind::connect:
  case failure_kind::tls:
  case failure_kind::timeout:
  case failure_kind::cut:
  case failure_kind::limited:
  case failure_kind::wrong:
    return true;
  case failure_kind::status:
    return why.head.status >= 500;
  default:
    return false;
  }
}

} // namespace

void origin_health::note_answer(size_t origin) {
  std::lock_guard guard{mutex_};
  if (origin < known_.size())
    known_[origin] = {};
}

void origin_health::note_failure(size_t origin, const failure& why, mono_time now) {
  if (origin >= known_.size() || !is_of_origin(why))
    return;
  std::lock_guard guard{mutex_};
  auto& x = known_[origin];
  // Many requests fail at once with one origin.
  if (x.well_at > now)
    return;
  auto doubled = rest * (1u << std::min(x.failures++, doublings_max));
  x.well_at = now + std::min<std::chrono::seconds>(doubled, rest_max);
}

bool origin_health::is_well(size_t origin, mono_time now) const {
  std::lock_guard guard{mutex_};
  return origin >= known_.size() || known_[origin].well_at <= now;
}

std::vector<size_t> origin_health::order(mono_time now) const {
  std::lock_guard guard{mutex_};
  std::vector<size_t> all(known_.size());
  std::iota(all.begin(), all.end(), size_t{0});
  std::stable_partition(all.begin(), all.end(), [&](size_t x) { return known_[x].well_at <= now; });
  return all;
}

} // namespace shoal::origin
