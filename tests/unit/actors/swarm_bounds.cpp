// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.swarm_bounds

#include "actors/swarm_bounds.hpp"

#include "actors/caretaker.hpp"
#include "actors/swarm_census.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

using verdict = swarm_bounds::verdict;

ip_address ip(const std::string& text) {
  return *ip_address::parse(text);
}

bounds_config small() {
  bounds_config config;
  config.swarms_max = 100;
  config.peers_max = 1000;
  config.new_swarms_per_second = 1;
  config.new_swarms_burst = 5;
  config.unlimited_networks = {*cidr::parse("10.0.0.0/8")};
  return config;
}

swarm_summary summary(uint8_t number, eviction_rank rank, coarse_seconds last_heard,
                      uint32_t peers = 1) {
  swarm_summary x;
  x.hash.bytes.fill(number);
  x.rank = rank;
  x.last_heard = last_heard;
  x.counts.leechers = peers;
  return x;
}

void begin_all(swarm_census& census, mono_time now) {
  for (size_t slot = 0; slot < slot_count; ++slot)
    census.begin(slot, now);
}

} // namespace

CAF_TEST(a bound in bytes lowers the others in proportion) {
  auto config = small();
  config.swarms_max = 1000;
  config.peers_max = 10'000;
  swarm_bounds roomy{config};
  auto all = 1000 * swarm_bytes + 10'000 * peer_bytes;
  CAF_CHECK_EQUAL(roomy.memory_max(), all);
  config.memory_max_bytes = all;
  swarm_bounds fitting{config};
  CAF_CHECK_EQUAL(fitting.memory_max(), all);
  config.memory_max_bytes = all / 4;
  swarm_bounds tight{config};
  CAF_CHECK_EQUAL(tight.config().swarms_max, 250u);
  CAF_CHECK_EQUAL(tight.config().peers_max, 2500u);
  CAF_CHECK(tight.memory_max() <= all / 4);
  tight.measure(10, 100);
  CAF_CHECK_EQUAL(tight.memory(), 10 * swarm_bytes + 100 * peer_bytes);
  CAF_CHECK(!tight.peers_full());
  tight.measure(10, 2500);
  CAF_CHECK(tight.peers_full());
  config.memory_max_bytes = 1;
  swarm_bounds least{config};
  CAF_CHECK_EQUAL(least.config().swarms_max, 1u);
}

CAF_TEST(an address has a budget of new swarms and others have their own) {
  swarm_bounds bounds{small()};
  mono_time now{1000s};
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now) == verdict::welcome);
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now) == verdict::over_budget);
  CAF_CHECK(bounds.admit(ip("8.8.4.4"), 0, now) == verdict::welcome);
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now + 1s) == verdict::welcome);
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now + 1s) == verdict::over_budget);
  CAF_CHECK_EQUAL(bounds.over_budget.value(), 2u);
  CAF_MESSAGE("exempt networks may begin as many as they like");
  for (int i = 0; i < 50; ++i)
    CAF_CHECK(bounds.admit(ip("10.1.2.3"), 0, now) == verdict::welcome);
}

CAF_TEST(a full node welcomes nobody new) {
  swarm_bounds bounds{small()};
  mono_time now{1000s};
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 99, now) == verdict::welcome);
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 100, now) == verdict::full);
  bounds.measure(50, 999);
  CAF_CHECK(!bounds.peers_full());
  bounds.measure(50, 1000);
  CAF_CHECK(bounds.peers_full());
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now) == verdict::full);
  CAF_CHECK_EQUAL(bounds.refused_full.value(), 2u);
  bounds.measure(50, 900);
  CAF_CHECK(bounds.admit(ip("8.8.8.8"), 0, now) == verdict::welcome);
}

CAF_TEST(at the bound idle swarms make room and beyond it busy ones make way) {
  swarm_bounds bounds{small()};
  bounds.measure(99, 0);
  CAF_CHECK(!bounds.surplus(eviction_rank::deserted).any());
  bounds.measure(100, 0);
  CAF_CHECK_EQUAL(bounds.surplus(eviction_rank::restored).swarms, 2u);
  CAF_CHECK(!bounds.surplus(eviction_rank::single).any());
  bounds.measure(110, 1100);
  CAF_CHECK_EQUAL(bounds.surplus(eviction_rank::single).swarms, 10u);
  CAF_CHECK_EQUAL(bounds.surplus(eviction_rank::populated).peers, 100u);
}

CAF_TEST(victims are chosen by rank and age until there is room) {
  swarm_bounds bounds{small()};
  swarm_census census;
  begin_all(census, mono_time{1s});
  auto later = mono_time{9s};
  census.add(summary(1, eviction_rank::populated, 5, 500), {});
  census.add(summary(2, eviction_rank::single, 20), {});
  census.add(summary(3, eviction_rank::single, 10), {});
  census.add(summary(4, eviction_rank::deserted, 90, 0), {});
  census.add(summary(5, eviction_rank::registered, 1, 500), {});
  census.add(summary(6, eviction_rank::restored, 50, 3), {});
  auto victims = census.victims(later);
  CAF_REQUIRE_EQUAL(victims.size(), 5u);
  std::vector<int> order;
  for (auto& x : victims)
    order.push_back(x.hash.bytes[0]);
  CAF_CHECK((order == std::vector<int>{4, 6, 3, 2, 1}));
  CAF_MESSAGE("who is not evicted is named again and who is evicted is not");
  CAF_CHECK_EQUAL(census.victims(later).size(), 5u);
  census.strike(victims[0].hash);
  census.strike(victims[3].hash);
  order.clear();
  for (auto& x : census.victims(later))
    order.push_back(x.hash.bytes[0]);
  CAF_CHECK((order == std::vector<int>{6, 3, 1}));
  auto chosen = [&](size_t swarms, size_t peers) {
    bounds.measure(swarms, peers);
    std::vector<int> names;
    for (auto& x : choose_victims(victims, bounds))
      names.push_back(x.hash.bytes[0]);
    return names;
  };
  CAF_CHECK(chosen(99, 999).empty());
  CAF_CHECK((chosen(100, 0) == std::vector<int>{4, 6}));
  CAF_CHECK((chosen(103, 0) == std::vector<int>{4, 6, 3}));
  CAF_MESSAGE("a deserted swarm makes no room for peers");
  CAF_CHECK((chosen(50, 1000) == std::vector<int>{6}));
  CAF_CHECK((chosen(50, 1010) == std::vector<int>{6, 3, 2, 1}));
}

CAF_TEST(a census keeps the oldest victims and the largest swarms of many) {
  swarm_census census;
  CAF_CHECK(!census.complete(mono_time{99s}));
  begin_all(census, mono_time{100s});
  for (uint32_t i = 0; i < 1000; ++i) {
    auto x = summary(7, eviction_rank::single, 5000 - i, i);
    x.hash.bytes[19] = uint8_t(i);
    x.hash.bytes[18] = uint8_t(i >> 8);
    x.addresses4 = i;
    census.add(x, std::vector<uint8_t>(i % 3, 9));
  }
  CAF_MESSAGE("a sweep counts when its swarms have had the time to answer");
  CAF_CHECK_EQUAL(census.totals(mono_time{100s})->swarms, 0u);
  CAF_CHECK(!census.complete(mono_time{101s}));
  CAF_CHECK_EQUAL(census.totals(mono_time{101s})->swarms, 0u);
  CAF_CHECK(census.complete(mono_time{102s}));
  auto all = census.totals(mono_time{102s});
  CAF_CHECK_EQUAL(all->swarms, 1000u);
  CAF_CHECK_EQUAL(all->leechers, 499'500u);
  CAF_CHECK_EQUAL(all->addresses4, 499'500u);
  CAF_CHECK_EQUAL(all->clients[9], 999u);
  CAF_REQUIRE_EQUAL(all->top.size(), swarm_census::top_max);
  CAF_CHECK_EQUAL(all->top.front().counts.leechers, 999u);
  CAF_CHECK_EQUAL(all->top.back().counts.leechers, 980u);
  auto victims = census.victims(mono_time{102s});
  CAF_REQUIRE_EQUAL(victims.size(), swarm_census::victims_per_slot_max);
  CAF_CHECK_EQUAL(victims.front().last_heard, 4001u);
  CAF_MESSAGE("while the next sweep runs the last one counts and then whoever came back");
  begin_all(census, mono_time{110s});
  CAF_CHECK_EQUAL(census.totals(mono_time{111s})->swarms, 1000u);
  CAF_CHECK_EQUAL(census.totals(mono_time{113s})->swarms, 0u);
}
