// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.union_counts

#include "actors/union_counts.hpp"

#include <caf/test/unit_test.hpp>

#include <map>
#include <random>

using namespace shoal;
using to = peer_change::to;

CAF_TEST(a peer in both swarms of a hybrid counts once) {
  union_counts u;
  u.apply(0, {7, to::leecher});
  u.apply(1, {7, to::leecher});
  CAF_CHECK_EQUAL(u.leechers(), 1u);
  u.apply(1, {7, to::seeder});
  CAF_CHECK_EQUAL(u.seeders(), 1u);
  CAF_CHECK_EQUAL(u.leechers(), 0u);
  u.apply(1, {7, to::gone});
  CAF_CHECK_EQUAL(u.leechers(), 1u);
  u.drop_source(0);
  CAF_CHECK_EQUAL(u.leechers() + u.seeders(), 0u);
}

CAF_TEST(the union agrees with a recount) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  union_counts u;
  std::map<uint64_t, to> sources[union_counts::sources_max];
  for (int i = 0; i < 20'000; ++i) {
    auto source = random() % union_counts::sources_max;
    if (random() % 500 == 0) {
      u.drop_source(source);
      sources[source].clear();
    } else {
      peer_change change{random() % 200, to(random() % 3)};
      u.apply(source, change);
      if (change.state == to::gone)
        sources[source].erase(change.identity);
      else
        sources[source][change.identity] = change.state;
    }
    if (i % 20 != 0)
      continue;
    std::map<uint64_t, bool> seeds;
    for (auto& s : sources)
      for (auto [identity, state] : s)
        seeds[identity] |= state == to::seeder;
    uint32_t seeders = 0;
    for (auto [identity, is_seed] : seeds)
      seeders += is_seed;
    CAF_REQUIRE_EQUAL(u.seeders(), seeders);
    CAF_REQUIRE_EQUAL(u.leechers(), seeds.size() - seeders);
  }
}

CAF_TEST(an identity map agrees with a standard map) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  identity_map<int> ours;
  std::map<uint64_t, int> standard;
  for (int i = 0; i < 50'000; ++i) {
    // First it grows, then it shrinks.
    auto key = random() % 3000;
    if (random() % 100 < (i < 25'000 ? 70u : 30u)) {
      ours[key] = i;
      standard[key] = i;
    } else {
      ours.erase(key);
      standard.erase(key);
    }
    auto probe = random() % 3000;
    auto found = ours.find(probe);
    CAF_REQUIRE_EQUAL(found != nullptr, standard.contains(probe));
    if (found)
      CAF_REQUIRE_EQUAL(*found, standard[probe]);
    CAF_REQUIRE_EQUAL(ours.size(), standard.size());
  }
}
