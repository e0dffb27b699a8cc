// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.shard

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

CAF_TEST_FIXTURE_SCOPE(shard_tests, tracker_fixture)

CAF_TEST(a swarm is spawned once) {
  auto hash = hash20(1);
  auto& to = settings.shards[slot_of(hash)];
  caf::anon_send(to, hello(hash, 1, 0), edge);
  caf::anon_send(to, hello(hash, 2, 0), edge);
  drain();
  CAF_CHECK_EQUAL(directory->swarm_count(), 1u);
  CAF_REQUIRE_EQUAL(heard.size(), 2u);
  CAF_CHECK_EQUAL(heard.back().complete, 2u);
}

CAF_TEST(a swarm that died is spawned again) {
  auto hash = hash20(1);
  announce(hello(hash, 1, 0));
  auto old = swarm_of(hash);
  kill(old);
  CAF_CHECK(!swarm_of(hash));
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
  CAF_CHECK_EQUAL(announce(hello(hash, 2, 0)).complete, 1u);
  CAF_CHECK(swarm_of(hash) != old);
}

CAF_TEST(the end of an old swarm does not take its successor from the directory) {
  auto hash = hash20(1);
  announce(hello(hash, 1, 0, announce_event::stopped));
  auto old = swarm_of(hash);
  for (int i = 0; i < 3; ++i)
    sweep(hash);
  announce(hello(hash, 2, 0));
  auto young = swarm_of(hash);
  advance(std::chrono::seconds{10});
  kill(old);
  CAF_CHECK(swarm_of(hash) == young);
}

CAF_TEST(invented hashes get a valid answer and no swarm once there are too many) {
  bounds_config one;
  one.swarms_max = 1;
  settings.bounds.configure(one);
  announce(hello(hash20(1), 1, 0));
  auto reply = announce(hello(hash20(2), 1, 0));
  CAF_CHECK_EQUAL(reply.interval_s, settings.intervals.config().max_s);
  CAF_CHECK_EQUAL(directory->swarm_count(), 1u);
  CAF_MESSAGE("those that exist or are registered are served");
  CAF_CHECK_EQUAL(announce(hello(hash20(1), 2, 0)).complete, 2u);
  CAF_REQUIRE(enter(hybrid(2, 3)));
  CAF_CHECK_EQUAL(announce(hello(hash20(2), 1, 0)).complete, 1u);
}

CAF_TEST(who invents hashes gets answers without peers and others notice nothing) {
  bounds_config tight;
  tight.new_swarms_per_second = 0.001;
  tight.new_swarms_burst = 3;
  settings.bounds.configure(tight);
  announce(hello(hash20(1), 1, 0));
  for (uint8_t i = 10; i < 30; ++i) {
    auto req = hello(hash20(i), 66, 0);
    auto reply = announce(req);
    CAF_CHECK_EQUAL(reply.complete, i < 13 ? 1u : 0u);
    CAF_CHECK_EQUAL(reply.interval_s, i < 13 ? 1800u : 3600u);
  }
  CAF_CHECK_EQUAL(directory->swarm_count(), 4u);
  CAF_MESSAGE("it still takes part in swarms that there are");
  CAF_CHECK_EQUAL(announce(hello(hash20(1), 66, 5)).peers4.size(), 6u);
  CAF_MESSAGE("others begin swarms, and registered ones need no budget");
  CAF_CHECK_EQUAL(announce(hello(hash20(50), 2, 0)).complete, 1u);
  CAF_REQUIRE(enter(hybrid(60, 61)));
  CAF_CHECK_EQUAL(announce(hello(hash20(60), 66, 0)).complete, 1u);
}

CAF_TEST(an answered flush says that images are with their swarms) {
  auto hash = hash20(1);
  announce(hello(hash, 1, 0));
  auto image = must<restore_swarm>(swarm_of(hash), atom::save::value);
  kill(swarm_of(hash));
  auto& to = settings.shards[slot_of(hash)];
  caf::anon_send(to, image);
  CAF_CHECK(ask<atom::flush>(to, atom::flush::value));
  CAF_CHECK_EQUAL(announce(hello(hash, 2, 0)).complete, 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
