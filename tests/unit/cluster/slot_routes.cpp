// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.slot_routes

#include "cluster/slot_routes.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;

CAF_TEST(a node keeps its number and numbers start after this node) {
  slot_routes routes{"a"};
  CAF_CHECK_EQUAL(routes.number_of("a"), this_node);
  auto b = routes.number_of("b");
  CAF_CHECK_EQUAL(routes.number_of("c"), b + 1);
  CAF_CHECK_EQUAL(routes.number_of("b"), b);
  CAF_CHECK_EQUAL(routes.name_of(b), "b");
  CAF_CHECK_EQUAL(routes.number_of(""), nobody);
  CAF_CHECK_EQUAL(routes.name_of(4000), "");
}

CAF_TEST(names beyond the bound are nobody) {
  slot_routes routes{"a"};
  for (size_t i = 1; i <= slot_routes::nodes_max; ++i)
    CAF_REQUIRE_NOT_EQUAL(routes.number_of("n" + std::to_string(i)), nobody);
  CAF_CHECK_EQUAL(routes.number_of("one more"), nobody);
  CAF_CHECK_EQUAL(routes.number_of("n1"), 2);
}

CAF_TEST(the standby serves while nobody reaches the owner) {
  slot_routes routes{"a"};
  auto b = routes.number_of("b");
  auto c = routes.number_of("c");
  CAF_CHECK_EQUAL(routes.serving(7), nobody);
  routes.set_route(7, {b, c});
  CAF_CHECK_EQUAL(routes.serving(7), nobody);
  routes.set_reachable(c, true);
  CAF_CHECK_EQUAL(routes.serving(7), c);
  routes.set_reachable(b, true);
  CAF_CHECK_EQUAL(routes.serving(7), b);
  routes.set_reachable(b, false);
  routes.set_route(7, {b, this_node});
  CAF_CHECK_EQUAL(routes.serving(7), this_node);
}

CAF_TEST(a slot is held by a lease and no longer than that) {
  slot_routes routes{"a"};
  mono_time start{};
  routes.set_epoch(3, 17);
  routes.set_lease_end(start + std::chrono::seconds{4});
  CAF_CHECK(!routes.holds(3, start)); // A role of a former lease.
  routes.set_held(3, true);
  CAF_CHECK(routes.holds(3, start + std::chrono::seconds{3}));
  CAF_CHECK(!routes.holds(4, start));
  CAF_CHECK(!routes.holds(3, start + std::chrono::seconds{4}));
}

CAF_TEST(whoever may write may so until its lease ends) {
  slot_routes routes{"a"};
  mono_time start{};
  routes.set_epoch(3, 17);
  CAF_CHECK(!routes.may_write(3, start));
  routes.set_lease_end(start + std::chrono::seconds{4});
  CAF_CHECK(routes.may_write(3, start + std::chrono::seconds{3}) == 17u);
  CAF_CHECK(!routes.may_write(4, start));
  CAF_CHECK(!routes.may_write(3, start + std::chrono::seconds{4}));
  routes.set_epoch(3, 0);
  CAF_CHECK(!routes.may_write(3, start));
}
