// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.caretaker

#include "actors/caretaker.hpp"

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : tracker_fixture {
  caretaker_actor aut = track(sys.spawn<caretaker>(&settings));

  fixture() { drain(); }

  void sweep_all() {
    for (size_t slot = 0; slot < slot_count; ++slot) {
      settings.census.begin(slot, sched.clock().now());
      for (auto& swarm : directory->swarms_in(slot))
        caf::anon_send(swarm, atom::expire::value);
    }
    drain();
  }

  void tick() { advance(std::chrono::seconds{1}); }

  /// Until the census has the answers of the last sweep.
  void settle() {
    for (int i = 0; i < 3; ++i)
      tick();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(caretaker_tests, fixture)

CAF_TEST(registered newcomers push out those that serve the fewest) {
  bounds_config tight;
  tight.swarms_max = 4;
  settings.bounds.configure(tight);
  for (uint8_t i = 1; i <= 4; ++i) {
    announce(hello(hash20(i), 1, 0));
    ++now;
  }
  announce(hello(hash20(1), 2, 0)); // Two peers.
  sweep_all();
  settle();
  CAF_MESSAGE("at the bound nobody who serves somebody has to go");
  CAF_CHECK_EQUAL(directory->swarm_count(), 4u);
  CAF_REQUIRE(enter(hybrid(9, 10)));
  announce(hello(hash20(9), 1, 0));
  CAF_CHECK_EQUAL(directory->swarm_count(), 5u);
  sweep_all();
  settle();
  CAF_CHECK_EQUAL(directory->swarm_count(), 4u);
  CAF_CHECK(!swarm_of(hash20(2)));
  CAF_CHECK(swarm_of(hash20(1)));
  CAF_CHECK(swarm_of(hash20(9)));
  CAF_CHECK_EQUAL(settings.bounds.evicted[size_t(eviction_rank::single)].value(), 1u);
}

CAF_TEST(deserted swarms make room as soon as the bound is reached) {
  bounds_config tight;
  tight.swarms_max = 2;
  settings.bounds.configure(tight);
  announce(hello(hash20(1), 1, 0));
  announce(hello(hash20(2), 1, 0, announce_event::stopped));
  CAF_CHECK_EQUAL(announce(hello(hash20(3), 1, 0)).complete, 0u);
  sweep_all();
  settle();
  CAF_CHECK(!swarm_of(hash20(2)));
  CAF_CHECK_EQUAL(announce(hello(hash20(3), 1, 0)).complete, 1u);
}

CAF_TEST(too many peers cost unregistered swarms only) {
  bounds_config tight;
  tight.peers_max = 5;
  settings.bounds.configure(tight);
  CAF_REQUIRE(enter(hybrid(9, 10)));
  for (uint8_t i = 1; i <= 4; ++i)
    announce(hello(hash20(9), i, 5));
  announce(hello(hash20(1), 1, 0));
  announce(hello(hash20(1), 2, 0));
  CAF_CHECK_EQUAL(directory->peer_count(), 6);
  sweep_all();
  settle();
  CAF_CHECK_EQUAL(directory->peer_count(), 4);
  CAF_CHECK(swarm_of(hash20(9)));
}

CAF_TEST(the load is what came in the last seconds) {
  interval_config config;
  config.target_per_second = 10;
  settings.intervals.configure(config);
  for (int second = 0; second < 30; ++second) {
    settings.announces.add(20);
    tick();
  }
  CAF_CHECK(settings.intervals.load_permille() > 1900);
  CAF_CHECK(settings.intervals.load_permille() <= 2000);
  for (int second = 0; second < 30; ++second)
    tick();
  CAF_CHECK_EQUAL(settings.intervals.load_permille(), 1000u);
}

CAF_TEST(threads without rest make intervals longer) {
  settings.edges.join();
  settings.edges.join();
  tick();
  CAF_MESSAGE("no waiting at all so far");
  CAF_CHECK_EQUAL(settings.edges.busy_share(), 1.0);
  for (int i = 0; i < 40; ++i)
    tick();
  CAF_CHECK(settings.intervals.load_permille() > 1990);
  settings.edges.waited(std::chrono::milliseconds{1500});
  tick();
  CAF_CHECK_EQUAL(settings.edges.busy_share(), 0.25);
  for (int i = 0; i < 40; ++i) {
    settings.edges.waited(std::chrono::seconds{3});
    tick();
  }
  CAF_CHECK_EQUAL(settings.edges.busy_share(), 0.0);
  CAF_CHECK_EQUAL(settings.intervals.load_permille(), 1000u);
}

CAF_TEST_FIXTURE_SCOPE_END()
