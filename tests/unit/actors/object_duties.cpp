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
  CAF_CHECK(!duties.next_surplus());
  CAF_CHECK(!look(theirs, true));
  CAF_CHECK(!look(theirs, true));
  CAF_CHECK(duties.next_surplus() == theirs);
  CAF_CHECK(!duties.next_surplus());
}

CAF_TEST(manifests belong everywhere) {
  auto theirs = object(false);
  CAF_CHECK(duties.look_at(theirs, false, false, true, "rev a"));
  CAF_CHECK(duties.next_wanted(start) == theirs);
  CAF_CHECK(duties.look_at(theirs, true, true, true, "rev a"));
  CAF_CHECK(!duties.next_surplus());
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

CAF_TEST_FIXTURE_SCOPE_END()
