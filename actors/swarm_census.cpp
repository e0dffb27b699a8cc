// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_census.hpp"

#include <algorithm>

namespace shoal {

namespace {

uint64_t size_of(const swarm_summary& x) {
  return uint64_t{x.counts.seeders} + x.counts.leechers;
}

bool larger(const swarm_summary& a, const swarm_summary& b) {
  return size_of(a) != size_of(b) ? size_of(a) > size_of(b) : a.hash < b.hash;
}

/// Whether `a` goes before `b`.
bool goes_first(const swarm_summary& a, const swarm_summary& b) {
  return a.rank != b.rank ? a.rank < b.rank : a.last_heard < b.last_heard;
}

} // namespace

swarm_census::swarm_census() {
  for (auto& place : slots_)
    place.current = std::make_unique<tally>();
}

void swarm_census::begin(size_t index, mono_time now) {
  auto fresh = std::make_unique<tally>();
  auto& place = slots_[index];
  std::lock_guard guard{place.mutex};
  // What came before the first sweep is no whole slot.
  auto old = std::exchange(place.current, std::move(fresh));
  place.last = place.begun_at ? std::move(old) : nullptr;
  place.begun_at = now;
}

void swarm_census::keep_top(std::vector<swarm_summary>& top, const swarm_summary& swarm) {
  if (size_of(swarm) == 0)
    return;
  if (top.size() == top_max) {
    if (!larger(swarm, top.front()))
      return;
    std::pop_heap(top.begin(), top.end(), larger);
    top.pop_back();
  }
  top.push_back(swarm);
  std::push_heap(top.begin(), top.end(), larger);
}

void swarm_census::add(const swarm_summary& swarm, const std::vector<uint8_t>& clients) {
  auto& place = slots_[slot_of(swarm.hash)];
  std::lock_guard guard{place.mutex};
  auto& sums = place.current->sums;
  ++sums.swarms;
  sums.seeders += swarm.counts.seeders;
  sums.leechers += swarm.counts.leechers;
  sums.addresses4 += swarm.addresses4;
  sums.addresses6 += swarm.addresses6;
  sums.connected += swarm.connected;
  for (auto client : clients)
    ++sums.clients[client];
  keep_top(sums.top, swarm);
  if (swarm.rank == eviction_rank::registered)
    return;
  auto& victims = place.current->victims;
  if (victims.size() == victims_per_slot_max) {
    if (!goes_first(swarm, victims.front()))
      return;
    std::pop_heap(victims.begin(), victims.end(), goes_first);
    victims.pop_back();
  }
  victims.push_back(swarm);
  std::push_heap(victims.begin(), victims.end(), goes_first);
}

std::shared_ptr<const census_totals> swarm_census::totals(mono_time now) {
  std::lock_guard guard{mutex_};
  if (!totals_ || now - summed_at_ >= freshness) {
    sum_up(now);
    summed_at_ = now;
  }
  return totals_;
}

void swarm_census::sum_up(mono_time now) {
  auto all = std::make_shared<census_totals>();
  for (auto& place : slots_) {
    std::lock_guard guard{place.mutex};
    auto* found = place.settled(now);
    if (!found)
      continue;
    auto& sums = found->sums;
    all->swarms += sums.swarms;
    all->seeders += sums.seeders;
    all->leechers += sums.leechers;
    all->addresses4 += sums.addresses4;
    all->addresses6 += sums.addresses6;
    all->connected += sums.connected;
    for (size_t i = 0; i < all->clients.size(); ++i)
      all->clients[i] += sums.clients[i];
    for (auto& swarm : sums.top)
      keep_top(all->top, swarm);
  }
  std::sort(all->top.begin(), all->top.end(), larger);
  totals_ = std::move(all);
}

bool swarm_census::complete(mono_time now) const {
  return std::all_of(slots_.begin(), slots_.end(), [now](slot& place) {
    std::lock_guard guard{place.mutex};
    return place.settled(now) != nullptr;
  });
}

std::vector<swarm_summary> swarm_census::victims(mono_time now) const {
  std::vector<swarm_summary> all;
  for (auto& place : slots_) {
    std::lock_guard guard{place.mutex};
    if (auto* found = place.settled(now))
      all.insert(all.end(), found->victims.begin(), found->victims.end());
  }
  std::sort(all.begin(), all.end(), goes_first);
  return all;
}

void swarm_census::strike(const info_hash& victim) {
  auto& place = slots_[slot_of(victim)];
  std::lock_guard guard{place.mutex};
  for (auto* listed : {place.current.get(), place.last.get()}) {
    if (!listed)
      continue;
    std::erase_if(listed->victims, [&](const swarm_summary& x) { return x.hash == victim; });
    std::make_heap(listed->victims.begin(), listed->victims.end(), goes_first);
  }
}

} // namespace shoal
