// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.interval_policy

#include "actors/interval_policy.hpp"

#include "actors/keyed_hash.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <vector>

using namespace shoal;

namespace {

constexpr uint32_t no_restart = UINT32_MAX;
constexpr swarm_shape middle{20, 80, 100'000};

interval_config wide() {
  interval_config config;
  config.base_s = 1800;
  config.min_s = 300;
  config.max_s = 7200;
  return config;
}

std::vector<uint32_t> draw_many(const interval_policy& policy, const swarm_shape& swarm,
                                uint32_t uptime_s) {
  std::vector<uint32_t> all;
  for (uint64_t i = 1; i <= 1000; ++i)
    all.push_back(policy.draw(swarm, uptime_s, mix_bits(i)));
  std::sort(all.begin(), all.end());
  return all;
}

} // namespace

CAF_TEST(a swarm in the middle gets the base within the jitter and all of it) {
  auto all = draw_many(interval_policy{wide()}, middle, no_restart);
  CAF_CHECK(all.front() >= 1620 && all.front() < 1640);
  CAF_CHECK(all.back() <= 1980 && all.back() > 1960);
  CAF_CHECK(all[500] > 1780 && all[500] < 1820);
}

CAF_TEST(without jitter an interval is exact) {
  auto config = wide();
  config.jitter_percent = 0;
  interval_policy policy{config};
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 77), 1800u);
  CAF_MESSAGE("young, small with somebody who waits, small with seeds only, large, very large");
  CAF_CHECK_EQUAL(policy.draw({20, 80, 10}, no_restart, 77), 900u);
  CAF_CHECK_EQUAL(policy.draw({1, 1, 5000}, no_restart, 77), 1260u);
  CAF_CHECK_EQUAL(policy.draw({3, 0, 5000}, no_restart, 77), 1800u);
  CAF_CHECK_EQUAL(policy.draw({900, 100, 5000}, no_restart, 77), 2700u);
  CAF_CHECK_EQUAL(policy.draw({9000, 1000, 5000}, no_restart, 77), 3600u);
}

CAF_TEST(bounds hold before the jitter whatever the swarm) {
  auto config = wide();
  config.min_s = 1500;
  config.max_s = 2000;
  interval_policy policy{config};
  for (auto& swarm : {swarm_shape{0, 1, 0}, swarm_shape{9000, 9000, 100'000}})
    for (auto uptime : {0u, 100u, no_restart}) {
      auto all = draw_many(policy, swarm, uptime);
      CAF_CHECK(all.front() >= 1350);
      CAF_CHECK(all.back() <= 2200);
    }
}

CAF_TEST(after a restart peers are spread over twice the base and less as time goes by) {
  interval_policy policy{wide()};
  auto at_once = draw_many(policy, middle, 0);
  CAF_CHECK(at_once.front() < 1750);
  CAF_CHECK(at_once.back() > 3500);
  CAF_MESSAGE("evenly: no tenth of the time holds a quarter of the peers");
  auto width = (at_once.back() - at_once.front()) / 10 + 1;
  std::vector<size_t> tenths(10);
  for (auto value : at_once)
    ++tenths[(value - at_once.front()) / width];
  CAF_CHECK(*std::max_element(tenths.begin(), tenths.end()) < 250);
  auto later = draw_many(policy, middle, interval_policy::herd_s / 2);
  CAF_CHECK(later.back() < 3000);
  CAF_CHECK(draw_many(policy, middle, interval_policy::herd_s).back() <= 1980);
}

CAF_TEST(load makes intervals longer and rest makes them short again) {
  auto config = wide();
  config.jitter_percent = 0;
  config.target_per_second = 1000;
  interval_policy policy{config};
  policy.note_load(900, 0);
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 1), 1800u);
  CAF_MESSAGE("one busy second means little");
  policy.note_load(3000, 0);
  CAF_CHECK(policy.draw(middle, no_restart, 1) < 2000);
  for (int i = 0; i < 60; ++i)
    policy.note_load(3000, 0);
  CAF_CHECK(policy.draw(middle, no_restart, 1) > 5300);
  for (int i = 0; i < 60; ++i)
    policy.note_load(1e9, 0);
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 1), 7200u);
  for (int i = 0; i < 200; ++i)
    policy.note_load(10, 0);
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 1), 1800u);
}

CAF_TEST(without a target the number of announces does not count) {
  interval_policy policy{wide()};
  for (int i = 0; i < 60; ++i)
    policy.note_load(1e9, 0.7);
  CAF_CHECK_EQUAL(policy.load_permille(), 1000u);
}

CAF_TEST(busy threads make intervals longer) {
  auto config = wide();
  config.jitter_percent = 0;
  interval_policy policy{config};
  for (int i = 0; i < 60; ++i)
    policy.note_load(100, 0.875);
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 1), 2698u);
  for (int i = 0; i < 60; ++i)
    policy.note_load(100, 1);
  CAF_CHECK_EQUAL(policy.draw(middle, no_restart, 1), 3598u);
  CAF_MESSAGE("the larger of both counts");
  config.target_per_second = 50;
  policy.configure(config);
  policy.note_load(400, 1);
  CAF_CHECK(policy.load_permille() > 3000);
}

CAF_TEST(nobody is forgotten before its interval is over) {
  for (uint32_t base : {1u, 2u, 60u, 1800u, 86'400u})
    for (uint32_t factor : {1u, 2u, 4u}) {
      interval_config config;
      config.base_s = config.min_s = base;
      config.max_s = base * factor;
      interval_policy policy{config};
      CAF_CHECK(policy.ttl_s() > policy.longest(UINT64_MAX));
      CAF_CHECK(policy.ttl_s() >= 2 * base);
    }
}
