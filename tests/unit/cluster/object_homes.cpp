// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.object_homes

#include "cluster/object_homes.hpp"

#include "protocol/digest.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

constexpr int objects = 3000;
const mono_time start{1h};

std::vector<candidate> nodes(size_t count, size_t zones = 1) {
  std::vector<candidate> all;
  for (size_t i = 0; i < count; ++i)
    all.push_back({"node-" + std::to_string(i), 1, "zone-" + std::to_string(i % zones), false});
  return all;
}

sha256_digest object(int i) {
  return sha256("object " + std::to_string(i));
}

object_homes homes_of(std::vector<candidate> there, const std::string& self = "node-0") {
  object_homes homes{self, 2, 600s};
  homes.look(std::move(there), start);
  return homes;
}

} // namespace

CAF_TEST(every object has as many homes as wanted and they are shared fairly) {
  auto homes = homes_of(nodes(5));
  std::map<std::string, int> load;
  for (int i = 0; i < objects; ++i) {
    auto found = homes.homes(object(i));
    CAF_REQUIRE_EQUAL(found.size(), 2u);
    CAF_CHECK(found[0] != found[1]);
    for (auto& node : found)
      ++load[node];
    CAF_CHECK_EQUAL(homes.is_home(object(i)),
                    std::find(found.begin(), found.end(), "node-0") != found.end());
  }
  for (auto& [node, count] : load)
    CAF_CHECK(count > objects * 2 / 5 * 85 / 100 && count < objects * 2 / 5 * 115 / 100);
}

CAF_TEST(copies stand in different zones while there are any left) {
  auto six = nodes(6, 3);
  for (int i = 0; i < 300; ++i) {
    auto ranked = rank_homes(six, object(i));
    CAF_REQUIRE_EQUAL(ranked.size(), 6u);
    CAF_CHECK(six[ranked[0]].zone != six[ranked[1]].zone);
    CAF_CHECK(six[ranked[0]].zone != six[ranked[2]].zone);
    CAF_CHECK(six[ranked[1]].zone != six[ranked[2]].zone);
  }
}

CAF_TEST(a node more takes its share and moves nothing else) {
  auto before = nodes(4);
  auto after = nodes(5);
  for (int i = 0; i < objects; ++i) {
    auto a = rank_homes(before, object(i));
    auto b = rank_homes(after, object(i));
    std::erase(b, 4u);
    CAF_CHECK(a == b);
  }
}

CAF_TEST(the order of the nodes does not matter and drained ones keep nothing) {
  auto some = nodes(4);
  auto turned = some;
  std::reverse(turned.begin(), turned.end());
  for (int i = 0; i < 100; ++i)
    CAF_CHECK_EQUAL(some[rank_homes(some, object(i))[0]].id,
                    turned[rank_homes(turned, object(i))[0]].id);
  some[1].draining = true;
  some[2].weight = 0;
  for (int i = 0; i < 100; ++i)
    for (auto index : rank_homes(some, object(i)))
      CAF_CHECK(index == 0 || index == 3);
  CAF_CHECK(rank_homes({}, object(1)).empty());
}

CAF_TEST(a node that restarts stays a home and one that is gone does not ) {
  auto homes = homes_of(nodes(3));
  auto two = nodes(2); // node-2 is away.
  CAF_CHECK(homes.look(two, start + 10s));
  CAF_CHECK(!homes.look(two, start + 20s));
  int alone = 0;
  for (int i = 0; i < 300; ++i) {
    auto with_all = homes_of(nodes(3));
    CAF_CHECK_EQUAL(homes.is_home(object(i)), with_all.is_home(object(i)));
    alone += homes.homes(object(i)).size() == 1 ? 1 : 0;
    CAF_CHECK_EQUAL(homes.stand_ins(object(i)).size(), 2u);
  }
  CAF_CHECK(alone > 100);
  CAF_MESSAGE("it comes back");
  CAF_CHECK(homes.look(nodes(3), start + 30s));
  CAF_CHECK_EQUAL(homes.homes(object(1)).size(), 2u);
  CAF_MESSAGE("it leaves for good");
  homes.look(two, start + 31s);
  CAF_CHECK(homes.look(two, start + 631s));
  for (int i = 0; i < 300; ++i)
    CAF_CHECK(homes.is_home(object(i)) && homes.homes(object(i)).size() == 2);
}

CAF_TEST(fewer nodes than copies give what they can) {
  auto homes = homes_of(nodes(1));
  CAF_CHECK_EQUAL(homes.homes(object(1)).size(), 1u);
  CAF_CHECK_EQUAL(homes.reachable_copies(), 1u);
  CAF_CHECK_EQUAL(homes.copies(), 2u);
}
