// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.replication

#include "tests/unit/actors/support/replication_world.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <random>

using namespace shoal;
using namespace shoal::test;

namespace {

/// @returns what went wrong; empty: nothing.
std::string run_one(uint64_t seed, replication_flaw broken, replication_world::tally& sum) {
  replication_world world{seed, broken};
  world.run(60s);
  if (world.failure().empty())
    world.heal();
  auto& seen = world.seen();
  sum.announces += seen.announces;
  sum.full_syncs += seen.full_syncs;
  sum.breaks += seen.breaks;
  sum.takeovers += seen.takeovers;
  sum.warm_looks += seen.warm_looks;
  sum.peers_looked_at += seen.peers_looked_at;
  sum.peers_missing += seen.peers_missing;
  sum.refused += seen.refused;
  sum.fell_behind += seen.fell_behind;
  return world.failure();
}

uint64_t number_from(const char* name, uint64_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// @returns the first of so many seeds that notices; 0: none.
uint64_t first_noticed(replication_flaw broken, uint64_t seeds) {
  replication_world::tally ignored;
  for (uint64_t seed = 1; seed <= seeds; ++seed)
    if (auto failure = run_one(seed, broken, ignored); !failure.empty()) {
      CAF_MESSAGE("seed " << seed << ": " << failure);
      return seed;
    }
  return 0;
}

} // namespace

CAF_TEST(whatever happens the copy is right in the end and warm when it says so) {
  auto seed = number_from("SHOAL_TEST_SEED", std::random_device{}());
  auto runs = number_from("SHOAL_TEST_RUNS", 8);
  replication_world::tally sum;
  for (uint64_t i = 0; i < runs; ++i) {
    auto failure = run_one(seed + i, replication_flaw::none, sum);
    if (!failure.empty())
      CAF_ERROR("SHOAL_TEST_SEED=" << seed + i << ": " << failure);
  }
  CAF_MESSAGE(runs << " runs: " << sum.announces << " announces, " << sum.full_syncs
                   << " full syncs, " << sum.fell_behind << " asked for by the standby, "
                   << sum.breaks << " broken links, " << sum.takeovers << " takeovers, "
                   << sum.refused << " batches refused, " << sum.warm_looks << " looks at "
                   << sum.peers_looked_at << " peers, " << sum.peers_missing << " missing");
  CAF_CHECK(sum.full_syncs > sum.takeovers);
  CAF_CHECK(sum.takeovers > 0 && sum.breaks > 0 && sum.refused > 0);
  CAF_CHECK(sum.peers_looked_at > 1000 * runs);
}

CAF_TEST(what is broken on purpose is noticed) {
  for (auto broken = uint8_t{1}; broken < uint8_t(replication_flaw::sentinel_); ++broken) {
    CAF_MESSAGE("flaw " << int{broken});
    CAF_CHECK(first_noticed(replication_flaw{broken}, 30) != 0);
  }
}
