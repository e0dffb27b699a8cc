// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.simulation

#include "tests/sim/sim_run.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::sim;

namespace {

run_outcome run(uint64_t seed, cluster::flaw broken = cluster::flaw::none) {
  run_plan plan;
  plan.seed = seed;
  plan.broken = broken;
  return sim_run(plan).run();
}

} // namespace

CAF_TEST(a cluster under faults keeps its promises) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto outcome = run(seed);
    CAF_CHECK_EQUAL(outcome.violations, std::vector<std::string>{});
    CAF_CHECK(outcome.acknowledged > 0);
  }
}

CAF_TEST(the same seed is the same run) {
  for (uint64_t seed : {3, 4}) {
    auto one = run(seed);
    auto other = run(seed);
    CAF_CHECK_EQUAL(one.events, other.events);
    CAF_CHECK_EQUAL(one.acquired, other.acquired);
    CAF_CHECK_EQUAL(one.acknowledged, other.acknowledged);
    CAF_CHECK(one.converged == other.converged && one.unowned == other.unowned);
    CAF_CHECK(one.faults == other.faults && one.steps == other.steps);
  }
  CAF_CHECK(run(3).events != run(4).events);
}

CAF_TEST(a hand over without stopping first is noticed) {
  size_t caught = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed)
    caught += !run(seed, cluster::flaw::hands_over_acting).violations.empty();
  CAF_CHECK(caught > 0);
}
