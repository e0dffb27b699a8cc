// SPDX-License-Identifier: Apache-2.0
#include "actors/caretaker.hpp"

namespace shoal {

namespace {

constexpr std::chrono::seconds period{1};

/// Longer than two sweeps: until then the census knows of whoever has joined.
constexpr uint32_t review_ticks = 60;

} // namespace

caretaker::caretaker(caf::actor_config& cfg, swarm_config* config)
    : caretaker_actor::base(cfg), config_{*config} {}

caretaker::behavior_type caretaker::make_behavior() {
  ticked_at_ = clock().now();
  delayed_send(this, period, atom::tick::value);
  return {[this](atom::tick) { on_tick(); }};
}

void caretaker::on_tick() {
  measure_load();
  config_.bounds.measure(
      config_.directory->swarm_count(),
      static_cast<size_t>(std::max<int64_t>(config_.directory->peer_count(), 0)));
  evict();
  if (++ticks_ % review_ticks == 0)
    review_clients();
  delayed_send(this, period, atom::tick::value);
}

void caretaker::measure_load() {
  auto now = clock().now();
  auto passed = std::chrono::duration<double>(now - std::exchange(ticked_at_, now)).count();
  auto all = config_.announces.value();
  if (passed > 0)
    config_.intervals.note_load(static_cast<double>(all - announces_) / passed,
                                config_.edges.take_busy_share(passed));
  announces_ = all;
}

std::vector<swarm_summary> choose_victims(const std::vector<swarm_summary>& victims,
                                          const swarm_bounds& bounds) {
  std::vector<swarm_summary> chosen;
  size_t peers = 0;
  for (auto& x : victims) {
    auto wanted = bounds.surplus(x.rank);
    if (chosen.size() >= wanted.swarms && peers >= wanted.peers)
      break;
    // One without peers makes no room for peers.
    if (chosen.size() >= wanted.swarms && x.rank == eviction_rank::deserted)
      continue;
    peers += x.counts.seeders + x.counts.leechers;
    chosen.push_back(x);
  }
  return chosen;
}

void caretaker::evict() {
  if (!config_.bounds.surplus(eviction_rank::deserted).any())
    return;
  auto now = clock().now();
  auto all_known = config_.census.complete(now);
  for (auto& x : choose_victims(config_.census.victims(now), config_.bounds)) {
    // Another one that serves fewer may not have told of itself yet.
    if (!all_known && x.rank > eviction_rank::restored)
      break;
    config_.census.strike(x.hash);
    auto known = config_.directory->lookup(x.hash);
    if (!known.swarm || known.registered)
      continue;
    config_.bounds.evicted[static_cast<size_t>(x.rank)].add();
    send(known.swarm, atom::evict::value);
  }
}

void caretaker::review_clients() {
  auto now = clock().now();
  if (config_.census.complete(now))
    config_.clients.review(config_.census.totals(now)->clients);
}

} // namespace shoal
