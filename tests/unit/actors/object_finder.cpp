// SPDX-License-Identifier: Apache-2.0
// Who has an object, with links that do what the test says.
#define CAF_SUITE actors.object_finder

#include "actors/object_finder.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/held_links.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct fixture : actor_fixture {
  fixture() {
    object_finder_config config;
    config.links = &links;
    config.zone = "here";
    config.others = [this] { return others; };
    config.now = [this] { return sched.clock().now(); };
    finder = track(sys.spawn<object_finder>(config));
    drain();
  }
  ~fixture() override {
    end_actors();
    links.end();
  }

  auto find(bool anew = false) {
    auto handle = post(finder, find_object{digest(1), anew});
    drain();
    return handle;
  }

  /// The oldest open question of a node, answered.
  void answer(const std::string& node, result<std::string> with) {
    links.answer(node, std::move(with));
    drain();
  }

  void has_it(const std::string& node, std::string zone) {
    answer(node, to_archive(object_place{5, node + ":1", std::move(zone), {}}));
  }

  void has_not(const std::string& node) { answer(node, fail(ec::not_found)); }

  template <class Handle>
  std::string nodes(Handle handle) {
    auto found = collect<object_places>(std::move(handle));
    if (!found)
      return std::string{name(found.error().code)};
    std::string all;
    for (auto& place : found->places)
      all += place.node;
    return all;
  }

  std::vector<std::string> others{"b", "c"};
  held_links links{link_kind::object_place};
  object_finder_actor finder;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_finder_tests, fixture)

CAF_TEST(a node of this zone is taken at once and remembered) {
  auto first = find();
  CAF_CHECK_EQUAL(links.asked.size(), 2u);
  has_it("c", "here");
  CAF_CHECK_EQUAL(nodes(std::move(first)), "c");
  CAF_MESSAGE("nobody is asked again, and who answers later is known too");
  has_it("b", "there");
  CAF_CHECK_EQUAL(nodes(find()), "cb");
  CAF_CHECK(links.asked.empty());
  CAF_MESSAGE("until it is some time ago");
  advance(10s);
  auto again = find();
  CAF_CHECK_EQUAL(links.asked.size(), 2u);
  has_not("b");
  has_not("c");
  CAF_CHECK_EQUAL(nodes(std::move(again)), "not_found");
}

CAF_TEST(a node of another zone waits a moment for one of this zone) {
  auto asked = find();
  has_it("b", "there");
  CAF_CHECK(self->mailbox().empty());
  has_it("c", "here");
  CAF_CHECK_EQUAL(nodes(std::move(asked)), "cb");
}

CAF_TEST(a node of another zone is taken when the moment is over) {
  auto asked = find();
  has_it("b", "there");
  CAF_CHECK(self->mailbox().empty());
  advance(3ms);
  CAF_CHECK_EQUAL(nodes(std::move(asked)), "b");
  has_not("c");
}

CAF_TEST(only when all nodes say no it is nowhere) {
  auto first = find();
  has_not("b");
  CAF_CHECK(self->mailbox().empty());
  has_not("c");
  CAF_CHECK_EQUAL(nodes(std::move(first)), "not_found");
  CAF_MESSAGE("one that does not answer may have it");
  auto second = find();
  has_not("b");
  answer("c", fail(ec::timeout));
  CAF_CHECK_EQUAL(nodes(std::move(second)), "unavailable");
  CAF_MESSAGE("so may one that answers nonsense");
  auto third = find();
  answer("b", "nonsense");
  has_not("c");
  CAF_CHECK_EQUAL(nodes(std::move(third)), "unavailable");
}

CAF_TEST(a node that was there lately may have it) {
  others = {"b"};
  auto asked = find();
  has_not("b");
  CAF_CHECK_EQUAL(nodes(std::move(asked)), "unavailable");
  CAF_MESSAGE("but not one that has been gone for long");
  for (int i = 0; i < 41; ++i)
    advance(15s);
  auto late = find();
  has_not("b");
  CAF_CHECK_EQUAL(nodes(std::move(late)), "not_found");
}

CAF_TEST(those who look for the same object share the questions) {
  auto first = find();
  auto second = find();
  CAF_CHECK_EQUAL(links.asked.size(), 2u);
  has_it("b", "here");
  drain();
  CAF_CHECK_EQUAL(nodes(std::move(first)), "b");
  CAF_CHECK_EQUAL(nodes(std::move(second)), "b");
  has_not("c");
}

CAF_TEST(whoever asks anew is told nothing old) {
  auto first = find();
  has_it("b", "here");
  CAF_CHECK_EQUAL(nodes(std::move(first)), "b");
  auto second = find(true);
  CAF_CHECK_EQUAL(links.asked.size(), 3u); // One of them is the first search's.
  has_not("b");
  has_not("c");
  has_it("c", "there");
  CAF_CHECK_EQUAL(nodes(std::move(second)), "c");
  CAF_CHECK_EQUAL(nodes(find()), "c");
}

CAF_TEST(there may be nobody to ask) {
  others.clear();
  advance(20min);
  CAF_CHECK_EQUAL(nodes(find()), "not_found");
}

CAF_TEST_FIXTURE_SCOPE_END()
