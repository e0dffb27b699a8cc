// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.swarm_replication

#include "actors/swarm_replication.hpp"

#include "actors/replica_table.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

/// A swarm whose slot has a standby.
struct fixture : tracker_fixture {
  fixture() {
    settings.replication[slot_of(v1)] = &log;
    log.own(1);
    log.start_sync();
    log.list({}, 10, [](auto&, size_t) { return std::vector<info_hash>{}; });
    log.finish_sync();
  }

  /// Brings the copy up to date. @returns the peers of the swarm there.
  std::vector<replica_peer> copied() {
    while (auto frame = log.take(mono_now()))
      log.acknowledge(stream.take(*decode_delta_batch(*frame)), mono_now());
    delta_piece all;
    if (auto* replica = table.find(v1))
      replica->peers.cut(0, SIZE_MAX, all);
    return all.peers;
  }

  /// @returns how many bytes of facts wait for the standby.
  size_t unsaid() const { return log.behind_by(mono_now()).bytes; }

  const info_hash v1 = hash20(0x11);
  cluster::replication_log log{0x11};
  replica_table table{settings.peers, [this] { return now; }};
  cluster::replica_stream stream{0x11, table};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(swarm_replication_tests, fixture)

CAF_TEST(who comes and goes is told and who comes again is not ) {
  announce(hello(v1, 1, 0));
  announce(hello(v1, 2, 5));
  auto peers = copied();
  CAF_REQUIRE_EQUAL(peers.size(), 2u);
  CAF_CHECK_EQUAL(table.find(v1)->peers.counts().seeders, 1u);
  announce(hello(v1, 1, 0));
  announce(hello(v1, 2, 5));
  CAF_CHECK_EQUAL(unsaid(), 0u);
  announce(hello(v1, 2, 0, announce_event::completed));
  copied();
  CAF_CHECK(table.find(v1)->peers.counts() == (swarm_counts{2, 0, 0, 1}));
  announce(hello(v1, 1, 0, announce_event::stopped));
  CAF_CHECK_EQUAL(copied().size(), 1u);
}

CAF_TEST(a partial seed is told though it counts as before) {
  announce(hello(v1, 1, 5));
  announce(hello(v1, 1, 5, announce_event::paused));
  auto peers = copied();
  CAF_REQUIRE_EQUAL(peers.size(), 1u);
  CAF_CHECK_EQUAL(int{peers[0].state}, 2);
}

CAF_TEST(who expires is told and so is the end of the swarm) {
  announce(hello(v1, 1, 0));
  CAF_CHECK_EQUAL(copied().size(), 1u);
  now += settings.peers.ttl_s + 1;
  sweep(v1);
  CAF_CHECK(copied().empty());
  CAF_CHECK(table.find(v1));
  for (int i = 0; i < 3; ++i)
    sweep(v1);
  copied();
  CAF_CHECK(!swarm_of(v1));
  CAF_CHECK(!table.find(v1));
  CAF_MESSAGE("and of one that is killed");
  announce(hello(v1, 1, 0));
  copied();
  CAF_CHECK(table.find(v1));
  kill(swarm_of(v1));
  copied();
  CAF_CHECK(!table.find(v1));
}

CAF_TEST(a takedown is told) {
  announce(hello(v1, 1, 0, announce_event::completed));
  CAF_CHECK_EQUAL(copied().size(), 1u);
  caf::anon_send(swarm_of(v1), atom::clear::value);
  drain();
  CAF_CHECK(copied().empty());
  CAF_CHECK_EQUAL(table.find(v1)->peers.counts().completed, 1u);
}

CAF_TEST(a swarm writes its pieces when it is asked) {
  log.stop();
  for (uint8_t i = 1; i < 20; ++i)
    announce(hello(v1, i, 0));
  CAF_MESSAGE("nobody stands by");
  auto none = must<piece_replicated>(swarm_of(v1), replicate_swarm{0});
  CAF_CHECK(none.last);
  CAF_CHECK_EQUAL(unsaid(), 0u);
  log.start_sync();
  log.list({}, 10, [this](auto&, size_t) { return std::vector{v1}; });
  auto piece = must<piece_replicated>(swarm_of(v1), replicate_swarm{0});
  CAF_CHECK(piece.last);
  log.finish_sync();
  CAF_CHECK_EQUAL(copied().size(), 19u);
  CAF_CHECK(stream.whole());
}

CAF_TEST(without a standby a swarm tells nothing) {
  log.stop();
  announce(hello(v1, 1, 0));
  CAF_CHECK_EQUAL(unsaid(), 0u);
  settings.replication[slot_of(v1)] = nullptr;
  announce(hello(v1, 2, 0));
  CAF_CHECK_EQUAL(directory->peer_count(), 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
