// SPDX-License-Identifier: Apache-2.0
// Which node pulls a file, with links that do what the test says.
#define CAF_SUITE actors.pull_homes

#include "actors/pull_homes.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "cluster/object_homes.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/held_links.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct fixture : actor_fixture {
  fixture() {
    pull_homes_config config;
    config.links = &links;
    config.there = [this] { return there; };
    config.self = "a";
    config.bulk_address = [this] { return address; };
    config.now = [this] { return sched.clock().now(); };
    homes = track(sys.spawn<pull_homes>(config));
    drain();
  }
  ~fixture() override {
    end_actors();
    links.end();
  }

  auto find(const sha256_digest& pull, std::vector<std::string> failed = {},
            std::string doubted = {}) {
    auto handle = post(homes, find_home{pull, std::move(failed), std::move(doubted)});
    drain();
    return handle;
  }

  void answer(const std::string& node, result<std::string> with) {
    links.answer(node, std::move(with));
    drain();
  }

  void serves(const std::string& node) {
    answer(node, to_archive(object_place{0, node + ":1", {}, {}}));
  }

  /// "b at b:1", "a here", or the error.
  template <class Handle>
  std::string home(Handle handle) {
    auto found = collect<pull_home>(std::move(handle));
    if (!found)
      return std::string{name(found.error().code)};
    auto& place = found->place;
    return place.node + (found->is_here() ? " here" : " at " + place.address);
  }

  /// The nodes that pull that, best first.
  std::vector<std::string> ranked(const sha256_digest& pull) const {
    std::vector<std::string> names;
    for (auto i : cluster::rank_homes(there, pull))
      names.push_back(there[i].id);
    return names;
  }

  /// A pull whose homes are in that order.
  sha256_digest pull_of(const std::vector<std::string>& order) const {
    for (uint8_t i = 0; i < 255; ++i) {
      sha256_digest pull;
      pull.bytes.fill(i);
      if (ranked(pull) == order)
        return pull;
    }
    CAF_FAIL("no pull has these homes");
    return {};
  }

  std::vector<cluster::candidate> there{{"a", 1, "x"}, {"b", 1, "y"}, {"c", 1, "z"}};
  std::string address = "a:1";
  held_links links{link_kind::pull_place};
  pull_homes_actor homes;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(pull_homes_tests, fixture)

CAF_TEST(this node pulls what it is the home of) {
  CAF_CHECK_EQUAL(home(find(pull_of({"a", "b", "c"}))), "a here");
  CAF_CHECK(links.asked.empty());
}

CAF_TEST(another node is asked once where it serves) {
  auto pull = pull_of({"b", "c", "a"});
  auto first = find(pull);
  auto second = find(pull);
  CAF_CHECK_EQUAL(links.asked.size(), 1u);
  serves("b");
  CAF_CHECK_EQUAL(home(std::move(first)), "b at b:1");
  CAF_CHECK_EQUAL(home(std::move(second)), "b at b:1");
  CAF_CHECK_EQUAL(home(find(pull)), "b at b:1");
  CAF_CHECK(links.asked.empty());
  CAF_MESSAGE("until it is some time ago");
  advance(10s);
  auto again = find(pull);
  CAF_CHECK_EQUAL(links.asked.size(), 1u);
  serves("b");
  CAF_CHECK_EQUAL(home(std::move(again)), "b at b:1");
}

CAF_TEST(the next one pulls what the home cannot) {
  auto pull = pull_of({"b", "c", "a"});
  auto asked = find(pull);
  CAF_MESSAGE("it asks no origins, or cannot be reached");
  answer("b", fail(ec::unsupported));
  serves("c");
  CAF_CHECK_EQUAL(home(std::move(asked)), "c at c:1");
  CAF_MESSAGE("it failed whoever asks, who may be the last one");
  auto next = find(pull, {"b"});
  CAF_CHECK_EQUAL(home(std::move(next)), "c at c:1");
  CAF_CHECK_EQUAL(home(find(pull, {"b", "c"})), "a here");
  CAF_CHECK_EQUAL(home(find(pull, {"b", "c", "a"})), "unavailable");
}

CAF_TEST(a node that failed is asked for its address again) {
  auto pull = pull_of({"b", "a", "c"});
  auto first = find(pull);
  serves("b");
  CAF_CHECK_EQUAL(home(std::move(first)), "b at b:1");
  CAF_CHECK_EQUAL(home(find(pull, {"b"})), "a here");
  auto later = find(pull);
  answer("b", to_archive(object_place{0, "b:2", {}, {}}));
  CAF_CHECK_EQUAL(home(std::move(later)), "b at b:2");
}

CAF_TEST(a node that is doubted must say that it is there) {
  auto pull = pull_of({"b", "c", "a"});
  auto first = find(pull);
  serves("b");
  CAF_CHECK_EQUAL(home(std::move(first)), "b at b:1");
  auto again = find(pull, {}, "b");
  serves("b");
  CAF_CHECK_EQUAL(home(std::move(again)), "b at b:1");
  auto last = find(pull, {}, "b");
  answer("b", fail(ec::timeout));
  serves("c");
  CAF_CHECK_EQUAL(home(std::move(last)), "c at c:1");
}

CAF_TEST(odd answers count as none) {
  auto asked = find(pull_of({"b", "c", "a"}));
  answer("b", to_archive(object_place{0, "", {}, {}}));
  answer("c", std::string{"nonsense"});
  CAF_CHECK_EQUAL(home(std::move(asked)), "a here");
}

CAF_TEST(nodes that leave pull nothing new) {
  auto pull = pull_of({"b", "a", "c"});
  there[1].draining = true;
  CAF_CHECK_EQUAL(home(find(pull)), "a here");
  CAF_MESSAGE("if all do, whoever is asked pulls");
  for (auto& node : there)
    node.draining = true;
  CAF_CHECK_EQUAL(home(find(pull)), "a here");
}

CAF_TEST(others hear where this node serves) {
  std::vector<result<std::string>> said;
  auto ask = [&] {
    cluster::link_reply reply{[&](result<std::string> x) { said.push_back(std::move(x)); }};
    caf::anon_send(homes, link_question{"b", link_kind::pull_place, {}, {}, reply});
    drain();
  };
  ask();
  CAF_REQUIRE(said.size() == 1 && said[0]);
  CAF_CHECK(from_archive<object_place>(*said[0])->address == "a:1");
  address.clear();
  ask();
  CAF_CHECK(said.size() == 2 && !said[1]);
}

CAF_TEST_FIXTURE_SCOPE_END()
