// SPDX-License-Identifier: Apache-2.0
#include "actors/interval_policy.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// A full turn of the load in this many seconds, so that one busy second means little.
constexpr double smoothing_s = 5;
constexpr double load_max = 100;

uint64_t shape_permille(const swarm_shape& swarm) {
  auto peers = uint64_t{swarm.seeders} + swarm.leechers;
  if (swarm.age_s < interval_policy::young_s)
    return 500;
  if (peers < interval_policy::small_peers && swarm.leechers > 0)
    return 700;
  if (peers >= 10 * uint64_t{interval_policy::large_peers})
    return 2000;
  return peers >= interval_policy::large_peers ? 1500 : 1000;
}

/// All clients of a node that comes back ask at once. Each gets another time to return.
uint64_t herd_permille(uint32_t uptime_s, uint64_t random) {
  if (uptime_s >= interval_policy::herd_s)
    return 0;
  auto reach = 1000 - uint64_t{uptime_s} * 1000 / interval_policy::herd_s;
  return (random >> 32) * reach >> 32;
}

} // namespace

uint32_t interval_policy::draw(const swarm_shape& swarm, uint32_t uptime_s, uint64_t random) const {
  auto permille = shape_permille(swarm) + herd_permille(uptime_s, random);
  auto seconds = uint64_t{config_.base_s} * permille * load_permille() / 1'000'000;
  return jitter(
      std::clamp<uint64_t>(seconds, config_.min_s, std::max(config_.min_s, config_.max_s)), random);
}

uint32_t interval_policy::jitter(uint64_t seconds, uint64_t random) const {
  auto spread = seconds * config_.jitter_percent / 100;
  auto drawn = ((random & UINT32_MAX) * (2 * spread + 1)) >> 32;
  return static_cast<uint32_t>(std::max<uint64_t>(seconds - spread + drawn, 1));
}

uint32_t interval_policy::ttl_s() const {
  auto longest = std::max(config_.min_s, config_.max_s);
  auto grace = std::min(60u, config_.base_s / 2 + 1);
  return std::max(2 * config_.base_s, longest + longest * config_.jitter_percent / 100 + grace);
}

void interval_policy::note_load(double announces_per_second, double busy_share) {
  rate_ += (announces_per_second - rate_) / smoothing_s;
  busy_ += (busy_share - busy_) / smoothing_s;
  auto load = 1 + (busy_ - busy_from) / (1 - busy_from);
  if (config_.target_per_second > 0)
    load = std::max(load, rate_ / config_.target_per_second);
  load_permille_.store(static_cast<uint32_t>(std::clamp(load, 1.0, load_max) * 1000),
                       std::memory_order_relaxed);
}

} // namespace shoal
