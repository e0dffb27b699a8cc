// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_bounds.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Idle swarms make room for the next newcomers, too.
size_t low_water(size_t bound) {
  return bound - std::max<size_t>(bound / 50, 1);
}

size_t above(size_t use, size_t level) {
  return use > level ? use - level : 0;
}

} // namespace

std::string_view name(eviction_rank rank) {
  constexpr std::array<std::string_view, 5> names{"deserted", "restored", "single", "populated",
                                                  "registered"};
  return names[static_cast<size_t>(rank)];
}

void swarm_bounds::configure(bounds_config config) {
  config_ = std::move(config);
  if (auto max = config_.memory_max_bytes; max != 0 && memory_max() > max) {
    auto share = static_cast<double>(max) / static_cast<double>(memory_max());
    auto shrink = [share](size_t& bound) {
      bound = std::max<size_t>(1, static_cast<size_t>(static_cast<double>(bound) * share));
    };
    shrink(config_.swarms_max);
    shrink(config_.peers_max);
  }
  rate_limiter_config limits;
  limits.per_second = config_.new_swarms_per_second;
  limits.burst = config_.new_swarms_burst;
  limits.secret = config_.secret;
  budget_ = std::make_unique<rate_limiter>(limits);
}

swarm_bounds::verdict swarm_bounds::admit(const ip_address& from, size_t swarms, mono_time now) {
  // The budget comes first: whoever floods a full node must not find it empty later.
  if (!budget_->unlimited() && !contains(config_.unlimited_networks, from)
      && !budget_->allow(from, now)) {
    over_budget.add();
    return verdict::over_budget;
  }
  if (swarms >= config_.swarms_max || peers_full()) {
    refused_full.add();
    return verdict::full;
  }
  return verdict::welcome;
}

void swarm_bounds::measure(size_t swarms, size_t peers) {
  swarms_ = swarms;
  peers_ = peers;
  memory_.store(swarms * swarm_bytes + peers * config_.bytes_per_peer, std::memory_order_relaxed);
  peers_full_.store(peers >= config_.peers_max, std::memory_order_relaxed);
}

swarm_bounds::excess swarm_bounds::surplus(eviction_rank rank) const {
  // Those that serve nobody make room for others; those that serve somebody only make way.
  auto idle = rank <= eviction_rank::restored;
  auto spare = [idle](size_t use, size_t bound) {
    return use < bound ? 0 : above(use, idle ? low_water(bound) : bound);
  };
  return {spare(swarms_, config_.swarms_max), spare(peers_, config_.peers_max)};
}

} // namespace shoal
