// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.growth

#include "tests/sim/sim_growth.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::sim;
using namespace std::chrono_literals;

namespace {

/// A second for the lease's end to be noticed, half a second to take its slots.
constexpr auto takeover_max = 5s + 1s + 500ms;

/// Nobody can move faster: three seconds of calm, then eight roles per second.
constexpr duration moves_max(size_t roles) {
  return 3s + 1s * (roles / 8 + 1) + 1s;
}

/// A node's share of both roles and the room beyond, and a slot of each for rounding.
constexpr size_t roles_max(size_t nodes) {
  return 2 * slot_count * 110 / 100 / nodes + 2;
}

void check_growth(size_t nodes) {
  auto g = measure_growth(nodes);
  auto moves = moves_max(roles_max(nodes));
  CAF_CHECK(g.start_owned > 0s && g.start_owned < 500ms);
  CAF_CHECK(g.start >= g.start_owned && g.start < moves);
  CAF_CHECK(g.join > 3s && g.join < moves);
  CAF_CHECK(g.leave > 0s && g.leave < 500ms);
  CAF_CHECK(g.leave_unowned < 100ms);
  CAF_CHECK(g.leave_settled < moves);
  // Of the lease of 5 s up to one has passed when its node dies.
  CAF_CHECK(g.kill > 3s && g.kill < takeover_max);
  CAF_CHECK(g.kill_settled >= g.kill && g.kill_settled < takeover_max + moves);
  CAF_CHECK_EQUAL(g.zones_shared, 0u);
}

} // namespace

CAF_TEST(three nodes settle in bounded time) {
  check_growth(3);
}

CAF_TEST(thirty nodes settle in bounded time) {
  check_growth(30);
}
