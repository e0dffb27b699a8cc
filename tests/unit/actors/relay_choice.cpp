// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.relay_choice

#include "actors/relay_choice.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

using where = relay_pick::where;

struct fixture {
  cluster::slot_routes routes{"a"};
  cluster::node_number b = routes.number_of("b");
  cluster::node_number c = routes.number_of("c");
  relay_choice choice{routes};
  mono_time now{};

  relay_pick pick() { return choice.choose(5, now); }
};

bool operator==(const relay_pick& x, where at) {
  return x.at == at;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(relay_choice_tests, fixture)

CAF_TEST(what nobody has yet waits) {
  CAF_CHECK(pick() == where::later);
  CAF_CHECK(!choice.is_here(5));
}

CAF_TEST(an owner answers itself while it acts and when it is cut off) {
  routes.set_route(5, {cluster::this_node, b});
  routes.set_reachable(b, true);
  CAF_MESSAGE("without a lease");
  CAF_CHECK(pick() == where::here);
  CAF_MESSAGE("with one and in the middle of a hand over");
  routes.set_lease_end(now + 5s);
  CAF_CHECK(pick() == where::later);
  routes.set_epoch(5, 9);
  CAF_CHECK(pick() == where::here);
  CAF_CHECK(choice.is_here(5));
}

CAF_TEST(the owner is asked and then the standby and then nobody) {
  routes.set_route(5, {b, c});
  routes.set_reachable(b, true);
  routes.set_reachable(c, true);
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
  routes.set_reachable(b, false);
  CAF_CHECK(pick() == (relay_pick{where::there, c}));
  routes.set_reachable(c, false);
  CAF_CHECK(pick() == where::nowhere);
}

CAF_TEST(a standby answers itself while the owner cannot be reached) {
  routes.set_route(5, {b, cluster::this_node});
  CAF_CHECK(pick() == where::here);
  routes.set_reachable(b, true);
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
}

CAF_TEST(a silent node is tried now and then until it answers) {
  routes.set_route(5, {b, c});
  routes.set_reachable(b, true);
  routes.set_reachable(c, true);
  choice.overdue(b, now);
  CAF_CHECK(pick() == (relay_pick{where::there, c}));
  now += defaults::relay_probe_period;
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
  CAF_CHECK(pick() == (relay_pick{where::there, c}));
  choice.answered(b);
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
}

CAF_TEST(silent nodes are better than none) {
  routes.set_route(5, {b, c});
  routes.set_reachable(b, true);
  choice.overdue(b, now);
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
  routes.set_reachable(c, true);
  choice.overdue(c, now);
  CAF_CHECK(pick() == (relay_pick{where::there, b}));
}

CAF_TEST_FIXTURE_SCOPE_END()
