// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.connection_ids

#include "udp/connection_ids.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::udp;
using namespace std::chrono_literals;

namespace {

constexpr unix_seconds noon = 1'700'000'040; // Where a window begins.
static_assert(noon % 120 == 0);

const auto alice = *ip_address::parse("192.0.2.1");
const auto bob = *ip_address::parse("192.0.2.2");
const auto carol = *ip_address::parse("2001:db8::1");

connection_keys key(uint64_t n) {
  return {hash_key{n, n + 1}, {}};
}

/// A node whose wall clock says something and whose monotonic clock says something else.
struct node_clock {
  explicit node_clock(const connection_keys& keys, unix_seconds start = noon)
      : ids{keys}, wall{start} {
    ids.set_time(wall, mono);
  }

  void advance(std::chrono::seconds by) {
    wall += by.count();
    mono += by;
    ids.set_time(wall, mono);
  }

  /// Somebody sets the wall clock.
  void jump(std::chrono::seconds by) {
    wall += by.count();
    ids.set_time(wall, mono);
  }

  connection_ids ids;
  unix_seconds wall;
  mono_time mono{1000s};
};

/// How long an id that was issued `into` its window is accepted.
std::chrono::seconds life(std::chrono::seconds into) {
  node_clock node{key(1)};
  node.advance(into);
  auto id = node.ids.issue(alice);
  std::chrono::seconds age{0};
  while (node.ids.check(alice, id) && age < 1h) {
    node.advance(1s);
    age += 1s;
  }
  return age;
}

} // namespace

CAF_TEST(an id is good for the address that asked and for no other) {
  node_clock node{key(1)};
  auto id = node.ids.issue(alice);
  CAF_CHECK(node.ids.check(alice, id));
  CAF_CHECK(!node.ids.check(bob, id));
  CAF_CHECK(!node.ids.check(carol, id));
  CAF_CHECK(node.ids.check(carol, node.ids.issue(carol)));
}

CAF_TEST(an id that differs in any bit is bad) {
  node_clock node{key(1)};
  auto id = node.ids.issue(alice);
  for (int bit = 0; bit < 64; ++bit)
    CAF_CHECK(!node.ids.check(alice, id ^ uint64_t{1} << bit));
  CAF_CHECK(!node.ids.check(alice, 0));
}

CAF_TEST(an id lives for two to four minutes) {
  CAF_CHECK_EQUAL(life(0s).count(), 240);
  CAF_CHECK_EQUAL(life(60s).count(), 180);
  CAF_CHECK_EQUAL(life(119s).count(), 121);
}

CAF_TEST(an id does not come back to life) {
  node_clock node{key(1)};
  auto id = node.ids.issue(alice);
  node.advance(240s);
  for (int i = 0; i < 1000; ++i) { // The window's byte repeats after 256 windows.
    CAF_REQUIRE(!node.ids.check(alice, id));
    node.advance(120s);
  }
}

CAF_TEST(a jump of the wall clock leaves ids as good as they were) {
  for (auto by : {-10'000'000s, -3600s, -120s, -60s, -3s, 3s, 60s, 120s, 3600s, 10'000'000s}) {
    CAF_MESSAGE(by.count());
    node_clock node{key(1)};
    auto id = node.ids.issue(alice);
    node.advance(60s);
    node.jump(by);
    CAF_CHECK(node.ids.check(alice, id));
    node.advance(59s);
    CAF_CHECK(node.ids.check(alice, id));
    auto fresh = node.ids.issue(alice);
    node.advance(119s);
    CAF_CHECK(node.ids.check(alice, fresh));
    node.advance(250s);
    CAF_CHECK(!node.ids.check(alice, id));
    CAF_CHECK(!node.ids.check(alice, fresh));
  }
}

CAF_TEST(a clock that jumps there and back loses nothing) {
  node_clock node{key(1)};
  auto before = node.ids.issue(alice);
  node.jump(1h);
  auto between = node.ids.issue(alice);
  node.jump(-1h);
  CAF_CHECK(node.ids.check(alice, before));
  CAF_CHECK(node.ids.check(alice, between));
}

CAF_TEST(nodes with the same key accept the ids of each other although their clocks differ) {
  for (auto late : {0s, 1s, 60s, 120s}) {
    node_clock one{key(1), noon + 130};
    node_clock other{key(1), noon + 130 - late.count()};
    CAF_CHECK(other.ids.check(alice, one.ids.issue(alice)));
    CAF_CHECK(one.ids.check(alice, other.ids.issue(alice)));
  }
  node_clock stranger{key(2)};
  node_clock one{key(1)};
  CAF_CHECK(!stranger.ids.check(alice, one.ids.issue(alice)));
}

CAF_TEST(the key before the current one is still accepted) {
  node_clock node{key(1)};
  auto id = node.ids.issue(alice);
  node.ids.set_keys({key(2).current, {key(1).current}});
  CAF_CHECK(node.ids.check(alice, id));
  CAF_CHECK(node.ids.issue(alice) != id);
  CAF_CHECK(node.ids.check(alice, node.ids.issue(alice)));
  node.ids.set_keys({key(3).current, {key(2).current}});
  CAF_CHECK(!node.ids.check(alice, id));
}

CAF_TEST(equal secrets give equal keys and others do not ) {
  auto issued = [](const connection_keys& keys) { return node_clock{keys}.ids.issue(alice); };
  std::vector<std::string> both{"new", "old"};
  std::vector<std::string> old{"old"};
  CAF_CHECK_EQUAL(issued(keys_from(both)), issued(keys_from(std::span(both).first(1))));
  CAF_CHECK(issued(keys_from(both)) != issued(keys_from(old)));
  node_clock node{keys_from(both)};
  CAF_CHECK(node.ids.check(alice, issued(keys_from(old))));
  CAF_CHECK_EQUAL(issued(keys_from(hash_key{1, 2})), issued(keys_from(hash_key{1, 2})));
  CAF_CHECK(issued(keys_from(hash_key{1, 2})) != issued(keys_from(hash_key{1, 3})));
}
