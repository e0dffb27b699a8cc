// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.replication_nodes

#include "tests/unit/actors/support/replica_nodes.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : replica_nodes {
  /// Swarms with 1, 2, 3 ... peers each, of which the first one has completed.
  void populate(const std::string& name, uint32_t swarms) {
    for (uint32_t s = 1; s <= swarms; ++s)
      for (uint32_t p = 0; p < 1 + s % 7; ++p)
        announce(name, hello(s, 100 + p, p == 0 ? 0 : 5,
                             p == 0 ? announce_event::completed : announce_event::started));
  }

  void check_populated(const std::string& name, uint32_t swarms) {
    for (uint32_t s = 1; s <= swarms; ++s) {
      auto seen = numbers(name, s);
      CAF_REQUIRE_EQUAL(seen.complete, 1u);
      CAF_REQUIRE_EQUAL(seen.incomplete, s % 7);
      CAF_REQUIRE_EQUAL(seen.downloaded, 1u);
    }
  }

  slot_copies::totals copied(const std::string& name) { return at(name).state.copies.count(); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(replication_nodes_tests, fixture)

CAF_TEST(when the owner dies the standby goes on with all peers and numbers) {
  place("a", "b", 5);
  populate("a", 20);
  run_for(1s);
  CAF_CHECK_EQUAL(at("a").ready[slot], 1005u);
  CAF_CHECK_EQUAL(copied("b").swarms, 20u);
  CAF_CHECK_EQUAL(copied("b").peers, size_t(at("a").directory.peer_count()));
  auto young = announce("a", hello(6, 101, 5)).interval_s;
  grow_older(std::chrono::seconds{2 * interval_policy::young_s});
  auto interval = announce("a", hello(6, 101, 5)).interval_s;
  CAF_REQUIRE_NOT_EQUAL(interval, young);
  run_for(1s);
  auto before = at("a").directory.peer_count();
  crash("a");
  place("b", "", 9);
  run_for(50ms);
  check_populated("b", 20);
  CAF_CHECK_EQUAL(at("b").directory.peer_count(), before);
  auto reply = announce("b", hello(6, 101, 5));
  CAF_CHECK_EQUAL(reply.peers4.size(), 6u * 6);
  CAF_CHECK_EQUAL(reply.interval_s, interval);
  CAF_CHECK_EQUAL(at("b").replicas->report().takeovers, 1u);
  CAF_MESSAGE("and the next standby gets everything");
  stand_by("c", 9);
  run_for(1s);
  CAF_CHECK_EQUAL(copied("c").swarms, 20u);
  CAF_CHECK_EQUAL(at("b").ready[slot], 1009u);
  CAF_MESSAGE("how old the swarms are as well");
  crash("b");
  place("c", "", 13);
  run_for(50ms);
  CAF_CHECK_EQUAL(announce("c", hello(6, 101, 5)).interval_s, interval);
}

CAF_TEST(an announce that is early finds its swarm in the copy) {
  place("a", "b", 5);
  populate("a", 600);
  run_for(2s);
  CAF_REQUIRE_EQUAL(copied("b").swarms, 600u);
  crash("a");
  owner = "b";
  at("b").replicas->acquired(slot, 9);
  time.run_for(30ms);
  heard.clear();
  at("b").replicas->advance(time.now());
  post_announce("b", hello(599, 200, 5));
  while (!at("b").directory.lookup(hash_of(599)).swarm && sched.try_run_once()) {
  }
  CAF_MESSAGE(at("b").directory.swarm_count() << " of 600 are back");
  CAF_CHECK(at("b").directory.swarm_count() < 300);
  drain();
  CAF_REQUIRE_EQUAL(heard.size(), 1u);
  CAF_CHECK_EQUAL(heard.back().complete, 1u);
  CAF_CHECK_EQUAL(heard.back().incomplete, 599u % 7 + 1);
  run_for(100ms);
  CAF_CHECK_EQUAL(at("b").directory.swarm_count(), 600u);
  CAF_CHECK_EQUAL(copied("b").swarms, 0u);
}

CAF_TEST(peers live as long as they would have since the owner was heard last) {
  place("a", "b", 5);
  announce("a", hello(1, 1, 5));
  run_for(1s);
  crash("a");
  run_for(5s);
  place("b", "", 9);
  run_for(100ms);
  time.run_for(std::chrono::seconds{at("b").settings.peers.ttl_s - 10});
  auto living = at("b").directory.lookup(hash_of(1)).swarm;
  caf::anon_send(living, atom::expire::value);
  drain();
  CAF_CHECK_EQUAL(numbers("b", 1).incomplete, 1u);
  time.run_for(6s);
  caf::anon_send(living, atom::expire::value);
  drain();
  CAF_CHECK_EQUAL(numbers("b", 1).incomplete, 0u);
}

CAF_TEST(a hand over loses no peer and the old owner stands by) {
  place("a", "b", 5);
  populate("a", 20);
  run_for(1s);
  CAF_MESSAGE("some announce in the last moment, one in a new swarm");
  announce("a", hello(1, 250, 5));
  announce("a", hello(77, 251, 0));
  at("a").replicas->lost(slot, 5);
  place("b", "a", 9);
  announce("b", hello(2, 252, 5));
  run_for(100ms);
  CAF_CHECK_EQUAL(numbers("b", 1).incomplete, 2u);
  CAF_CHECK_EQUAL(numbers("b", 77).complete, 1u);
  CAF_CHECK_EQUAL(at("a").replicas->report().strays_given, 0u);
  run_for(2s);
  CAF_CHECK_EQUAL(numbers("b", 2).incomplete, 3u);
  CAF_CHECK_EQUAL(numbers("b", 20).incomplete, 6u);
  CAF_MESSAGE("whose swarms end once the copy is whole");
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(copied("a").whole, 1u);
  CAF_CHECK_EQUAL(copied("a").swarms, 21u);
  CAF_CHECK_EQUAL(copied("a").peers, size_t(at("b").directory.peer_count()));
  CAF_CHECK_EQUAL(at("b").ready[slot], 1009u);
  CAF_MESSAGE("and back");
  at("b").replicas->lost(slot, 9);
  place("a", "b", 12);
  run_for(2s);
  CAF_CHECK_EQUAL(numbers("a", 2).incomplete, 3u);
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 21u);
  CAF_CHECK_EQUAL(at("b").directory.swarm_count(), 0u);
}

CAF_TEST(the standby answers for an owner that is away and tells it later) {
  place("a", "b", 5);
  populate("a", 6);
  run_for(1s);
  net.block("a", "b", true);
  net.block("b", "a", true);
  run_for(1s);
  CAF_CHECK(at("a").ready.empty());
  CAF_CHECK_EQUAL(at("a").fell_behind, 1u);
  auto reply = announce("b", hello(6, 300, 5));
  CAF_CHECK_EQUAL(reply.peers4.size(), 7u * 6);
  CAF_CHECK_EQUAL(announce("b", hello(6, 301, 5)).peers4.size(), 8u * 6);
  announce("b", hello(99, 302, 0));
  announce("a", hello(5, 303, 5));
  CAF_MESSAGE("it is back");
  net.block("a", "b", false);
  net.block("b", "a", false);
  run_for(15s);
  CAF_CHECK_EQUAL(numbers("a", 6).incomplete, 6u + 2);
  CAF_CHECK_EQUAL(numbers("a", 99).complete, 1u);
  CAF_CHECK_EQUAL(at("b").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(copied("b").peers, size_t(at("a").directory.peer_count()));
  CAF_CHECK_EQUAL(at("a").ready[slot], 1005u);
  CAF_MESSAGE("or it is not, and those who came meanwhile stay");
  announce("b", hello(3, 304, 5));
  announce("a", hello(3, 305, 5));
  run_for(200ms);
  crash("a");
  place("b", "", 9);
  run_for(100ms);
  CAF_CHECK_EQUAL(numbers("b", 3).incomplete, 3u + 2);
  CAF_CHECK_EQUAL(numbers("b", 5).incomplete, 5u + 1);
}

CAF_TEST(an owner that did not know gives what it heard to the new one) {
  place("a", "b", 5);
  populate("a", 6);
  run_for(1s);
  for (auto* other : {"b", "c"}) {
    net.block("a", other, true);
    net.block(other, "a", true);
  }
  run_for(1s);
  place("b", "c", 9);
  run_for(1s);
  announce("a", hello(4, 400, 5));
  announce("b", hello(4, 401, 5));
  for (auto* other : {"b", "c"}) {
    net.block("a", other, false);
    net.block(other, "a", false);
  }
  run_for(10s);
  CAF_MESSAGE("it is told that it is one no more");
  at("a").replicas->lost(slot, 5);
  run_for(2s);
  CAF_CHECK_EQUAL(numbers("b", 4).incomplete, 4u + 2);
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(copied("c").peers, size_t(at("b").directory.peer_count()));
}

CAF_TEST(links that break delay the copy and lose nothing) {
  place("a", "b", 5);
  for (uint32_t i = 0; i < 200; ++i) {
    announce("a",
             hello(i % 9, i, i % 2, i % 5 ? announce_event::started : announce_event::stopped));
    if (i % 20 == 0)
      net.cut("a", "b", i % 40 == 0);
    run_for(100ms);
  }
  run_for(10s);
  CAF_CHECK_EQUAL(at("a").ready[slot], 1005u);
  CAF_CHECK_EQUAL(copied("b").peers, size_t(at("a").directory.peer_count()));
  CAF_CHECK(at("a").replicas->report().sent.resent > 0);
  crash("a");
  place("b", "", 9);
  run_for(100ms);
  uint32_t all = 0;
  for (uint32_t s = 0; s < 9; ++s)
    all += numbers("b", s).complete + numbers("b", s).incomplete;
  CAF_CHECK_EQUAL(all, 160u);
}

CAF_TEST(a standby that is slow or gone is sent nothing twice) {
  place("a", "b", 5);
  populate("a", 10);
  run_for(2s);
  auto sent = [&] { return at("a").replicas->report().sent; };
  CAF_CHECK_EQUAL(sent().resent, 0u);
  CAF_MESSAGE("its answers are late but the link is there");
  at("b").host->pause(true);
  announce("a", hello(3, 500, 5));
  run_for(1500ms);
  at("b").host->pause(false);
  run_for(1s);
  CAF_CHECK_EQUAL(copied("b").peers, size_t(at("a").directory.peer_count()));
  CAF_CHECK_EQUAL(sent().resent, 0u);
  CAF_MESSAGE("it is gone");
  crash("b");
  announce("a", hello(4, 500, 5));
  run_for(10s);
  CAF_CHECK_EQUAL(sent().resent, 0u);
  CAF_CHECK_EQUAL(at("a").ready.size(), 0u);
}

CAF_TEST(another standby gets a full sync and who stood down keeps nothing) {
  place("a", "b", 5);
  populate("a", 10);
  run_for(1s);
  at("b").replicas->stood_down(slot);
  stand_by("c", 5);
  populate("a", 12);
  run_for(1s);
  CAF_CHECK_EQUAL(copied("b").slots, 0u);
  CAF_CHECK_EQUAL(copied("c").swarms, 12u);
  CAF_CHECK_EQUAL(copied("c").whole, 1u);
  CAF_CHECK_EQUAL(at("a").replicas->report().sent.syncs, 2u);
  CAF_MESSAGE("an owner that was in doubt for a moment goes on");
  at("a").replicas->lost(slot, 5);
  run_for(50ms);
  place("a", "c", 5);
  announce("a", hello(12, 500, 5));
  run_for(1s);
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 12u);
  CAF_CHECK_EQUAL(numbers("a", 12).incomplete, 5u + 1);
  CAF_CHECK_EQUAL(copied("c").peers, size_t(at("a").directory.peer_count()));
}

CAF_TEST(who has left at the new owner is not brought back by the old one) {
  place("a", "b", 5);
  populate("a", 6);
  run_for(1s);
  at("a").replicas->lost(slot, 5);
  place("b", "a", 9);
  announce("b", hello(6, 101, 5, announce_event::stopped));
  run_for(3s);
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(numbers("b", 6).incomplete, 5u);
  CAF_MESSAGE("but is welcome");
  announce("b", hello(6, 101, 5, announce_event::started));
  CAF_CHECK_EQUAL(numbers("b", 6).incomplete, 6u);
}

CAF_TEST(a download that ends at a stand in is news to the owner and the contrary is not ) {
  place("a", "b", 5);
  populate("a", 6);
  run_for(1s);
  announce("b", hello(6, 101, 0, announce_event::completed));
  announce("b", hello(6, 100, 5));
  run_for(3s);
  CAF_CHECK_EQUAL(at("b").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(numbers("a", 6).complete, 2u);
  CAF_CHECK_EQUAL(numbers("a", 6).incomplete, 5u);
  CAF_CHECK_EQUAL(numbers("a", 6).downloaded, 2u);
  CAF_CHECK_EQUAL(copied("b").peers, size_t(at("a").directory.peer_count()));
}

CAF_TEST(who takes over and is replaced at once gives the copy to its successor) {
  place("a", "b", 5);
  populate("a", 20);
  run_for(1s);
  crash("a");
  at("b").replicas->acquired(slot, 9);
  at("b").replicas->lost(slot, 9);
  place("c", "b", 13);
  run_for(3s);
  check_populated("c", 20);
  CAF_CHECK_EQUAL(at("b").directory.swarm_count(), 0u);
}

CAF_TEST(many strays go one message after the other) {
  place("a", "b", 5);
  for (uint32_t s = 1; s <= 1000; ++s)
    announce("c", hello(s, 1, 5));
  run_for(900ms);
  CAF_CHECK_EQUAL(at("c").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(at("a").directory.swarm_count(), 1000u);
}

CAF_TEST(swarms of a snapshot are given to whoever owns them) {
  place("a", "b", 5);
  populate("a", 3);
  peer_table before{at("c").settings.peers};
  handout none;
  announce_input in;
  in.peer = hello(3, 600, 0).peer;
  in.identity = mix_bits(600);
  before.announce(in, at("c").settings.now(), 1, none);
  restore_swarm image{hash_of(3), 0, true, {}};
  before.export_to(image.body, at("c").settings.now());
  caf::anon_send(at("c").settings.shards[slot], image);
  run_for(2s);
  CAF_CHECK_EQUAL(at("c").directory.swarm_count(), 0u);
  CAF_CHECK_EQUAL(numbers("a", 3).incomplete + numbers("a", 3).complete, 5u);
  CAF_CHECK_EQUAL(at("c").replicas->report().strays_given, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
