// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.object_duties

#include "actors/object_duties.hpp"

#include "protocol/digest.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

const mono_time start{1h};

struct fixture {
  fixture() { duties.look(nodes(3), start); }

  static std::vector<cluster::candidate> nodes(size_t count) {
    std::vector<cluster::candidate> all;
    for (size_t i = 0; i < count; ++i)
      all.push_back({"node-" + std::to_string(i), 1, "", false});
    return all;
  }

  /// node-0 drains.
  static std::vector<cluster::candidate> draining(std::vector<cluster::candidate> all) {
    all.front().draining = true;
    return all;
  }

  /// An object that this node, node-0, is a home of, or is not.
  sha256_digest object(bool home, int number = 0) const {
    for (int i = 0;; ++i) {
      auto made = sha256(std::to_string(i));
      auto homes = duties.homes(made);
      auto is_home = std::find(homes.begin(), homes.end(), "node-0") != homes.end();
      if (is_home == home && number-- == 0)
        return made;
    }
  }

  bool look(const sha256_digest& object, bool here, const std::string& owner = "rev a") {
    return duties.look_at(object, here, here, false, owner);
  }

  object_duties duties{"node-0", 2, 600s};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_duties_tests, fixture)

CAF_TEST(what is missing is wanted once and all who wait for it hear of it) {
  auto mine = object(true);
  CAF_CHECK(look(mine, false));
  CAF_CHECK(look(mine, false, "rev b"));
  CAF_CHECK(!look(object(false), false));
  CAF_CHECK_EQUAL(duties.wanted(), 1u);
  CAF_CHECK(duties.next_wanted(start) == mine);
  CAF_CHECK(!duties.next_wanted(start));
  CAF_CHECK((duties.fetched(mine, true, start) == std::vector<std::string>{"rev a", "rev b"}));
  CAF_CHECK_EQUAL(duties.wanted(), 0u);
}

CAF_TEST(what did not come is tried again later) {
  auto mine = object(true);
  look(mine, false);
  CAF_CHECK(duties.next_wanted(start) == mine);
  CAF_CHECK(duties.fetched(mine, false, start + 5s).empty());
  CAF_CHECK(!duties.next_wanted(start + 4s));
  CAF_CHECK_EQUAL(duties.wanted(), 1u);
  CAF_CHECK(duties.next_wanted(start + 5s) == mine);
}

CAF_TEST(what others are to have is surplus unless it is merely cached) {
  auto theirs = object(false);
  CAF_CHECK(!duties.look_at(theirs, true, false, false, "rev a"));
  CAF_CHECK(!duties.next_surplus(start));
  CAF_CHECK(!look(theirs, true));
  CAF_CHECK(!look(theirs, true));
  auto given = duties.next_surplus(start);
  CAF_REQUIRE(given);
  CAF_CHECK(given->object == theirs);
  CAF_CHECK(!duties.next_surplus(start));
  CAF_MESSAGE("if others have it not yet, the next round brings it again");
  duties.gave(*given, false, start);
  CAF_CHECK(!duties.next_surplus(start));
  look(theirs, true);
  CAF_CHECK(duties.next_surplus(start));
}

CAF_TEST(manifests belong everywhere) {
  auto theirs = object(false);
  CAF_CHECK(duties.look_at(theirs, false, false, true, "rev a"));
  CAF_CHECK(duties.next_wanted(start) == theirs);
  CAF_CHECK(duties.look_at(theirs, true, true, true, "rev a"));
  CAF_CHECK(!duties.next_surplus(start));
}

CAF_TEST(an absent home makes objects lack copies until all have been looked at again) {
  auto kept = object(true);
  duties.round_begins();
  look(kept, true);
  duties.round_ends();
  CAF_CHECK_EQUAL(duties.under_replicated(), 0u);
  CAF_CHECK(duties.look(nodes(1), start + 1s));
  duties.round_begins();
  look(kept, true);
  duties.round_ends();
  CAF_CHECK_EQUAL(duties.under_replicated(), 1u);
  CAF_MESSAGE("one that is published now counts too");
  look(object(true, 1), true);
  CAF_CHECK_EQUAL(duties.under_replicated(), 2u);
  duties.look(nodes(3), start + 2s);
  duties.round_begins();
  look(kept, true);
  duties.round_ends();
  CAF_CHECK_EQUAL(duties.under_replicated(), 0u);
}

CAF_TEST(a node that drains has handed over when all records were looked at since) {
  CAF_CHECK(!duties.to_hand_over());
  duties.round_begins();
  duties.look(draining(nodes(3)), start + 1s);
  duties.round_ends();
  CAF_CHECK(!duties.to_hand_over()); // That round began before.
  duties.round_begins();
  look(object(false), true);
  CAF_CHECK(duties.look_at(object(false, 1), true, true, true, "rev a"));
  duties.look_at(object(false, 2), true, false, false, "rev a"); // Merely cached.
  CAF_CHECK(!duties.to_hand_over());
  duties.round_ends();
  CAF_CHECK(duties.to_hand_over() == 2u);
  CAF_MESSAGE("what others have not yet they are asked for again");
  auto given = duties.next_surplus(start);
  CAF_REQUIRE(given);
  CAF_CHECK(given->object == object(false) && !given->stays);
  CAF_CHECK(duties.to_hand_over() == 2u);
  duties.gave(*given, false, start + 5s);
  auto manifest = duties.next_surplus(start);
  CAF_REQUIRE(manifest);
  CAF_CHECK(manifest->stays);
  duties.gave(*manifest, true, start);
  CAF_CHECK(duties.to_hand_over() == 1u);
  CAF_CHECK(!duties.next_surplus(start + 4s));
  given = duties.next_surplus(start + 5s);
  CAF_REQUIRE(given);
  duties.gave(*given, true, start);
  CAF_CHECK(duties.to_hand_over() == 0u);
  CAF_MESSAGE("one that drains no more owes nobody anything");
  duties.look(nodes(3), start + 6s);
  CAF_CHECK(!duties.to_hand_over());
}

CAF_TEST(heirs are all that there can be and none is absent) {
  auto kept = object(false);
  CAF_CHECK_EQUAL(duties.heirs(kept).size(), 2u);
  duties.look(nodes(2), start + 1s);
  CAF_CHECK(duties.heirs(kept).empty());
  duties.look(draining(nodes(2)), start + 1s);
  CAF_CHECK(duties.heirs(kept).empty()); // node-2 may come back.
  duties.look(draining(nodes(2)), start + 700s);
  CAF_CHECK((duties.heirs(kept) == std::vector<std::string>{"node-1"}));
  duties.look(draining(nodes(1)), start + 1400s);
  CAF_CHECK(duties.heirs(kept).empty()); // Nobody is left to take it.
}

CAF_TEST_FIXTURE_SCOPE_END()
