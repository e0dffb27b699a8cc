// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.swarm_replication

#include "actors/swarm_replication.hpp"

#include "actors/replica_table.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"

#include <thread>

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
}

CAF_TEST(a node that stops leaves its swarms to the standby) {
  announce(hello(v1, 1, 0));
  copied();
  for (auto reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    caf::anon_send_exit(swarm_of(v1), reason);
    drain();
    CAF_CHECK(!swarm_of(v1));
    CAF_CHECK_EQUAL(copied().size(), 1u);
    announce(hello(v1, 1, 0));
  }
}

CAF_TEST(no swarm retires while those of its slot are listed) {
  announce(hello(v1, 1, 0, announce_event::stopped));
  copied();
  log.stop();
  for (int i = 0; i < 2; ++i)
    sweep(v1);
  CAF_MESSAGE("else it would be listed, and its end, which nobody wanted to know before, not told");
  std::thread ends;
  log.list({}, 10, [&](auto&, size_t) {
    ends = std::thread{[&] { sweep(v1); }};
    auto stays = true;
    for (auto end = mono_now() + std::chrono::milliseconds{30}; mono_now() < end;)
      stays = stays && swarm_of(v1);
    CAF_CHECK(stays);
    return std::vector{v1};
  });
  ends.join();
  CAF_CHECK(!swarm_of(v1));
}

CAF_TEST(who comes back from a snapshot is told) {
  peer_table before{settings.peers};
  handout none;
  announce_input in;
  in.peer = hello(v1, 7, 0).peer;
  in.identity = 7;
  before.announce(in, now, 1, none);
  restore_swarm image{v1, 5, true, {}};
  before.export_to(image.body, now);
  caf::anon_send(settings.shards[slot_of(v1)], image);
  drain();
  auto peers = copied();
  CAF_REQUIRE_EQUAL(peers.size(), 1u);
  CAF_CHECK_EQUAL(peers[0].identity, 7u);
  CAF_CHECK_EQUAL(table.find(v1)->peers.counts().completed, 5u);
  CAF_CHECK_EQUAL(table.peers(), 1u);
}

CAF_TEST(a large swarm is looked through a few times however large it is) {
  peer_table_config config;
  config.private_network = true;
  peer_set large{config};
  for (uint32_t i = 0; i < 40'000; ++i) {
    replica_peer peer{mix_bits(i), 0, false, {}, {}, {}};
    peer.v4 = endpoint{ip_address::v4({10, uint8_t(i >> 16), uint8_t(i >> 8), uint8_t(i)}), 1};
    if (i % 2 == 0)
      large.mirror(peer, 5000);
  }
  std::optional<uint64_t> from = 0;
  size_t turns = 0;
  for (; from; ++turns) {
    from = replicate_piece(log, v1, large, *from, 0);
    copied();
  }
  CAF_CHECK(turns <= replica_turns_max + 1);
  auto* copy = table.find(v1);
  CAF_REQUIRE(copy);
  CAF_CHECK(copy->peers.counts() == large.counts());
  CAF_MESSAGE("and who is there no more goes");
  for (uint32_t i = 0; i < 40'000; i += 4)
    large.remove(mix_bits(i));
  for (from = 0; from;)
    from = replicate_piece(log, v1, large, *from, 0);
  auto peers = copied();
  CAF_CHECK_EQUAL(peers.size(), 10'000u);
  for (auto& peer : peers)
    CAF_REQUIRE(large.knows(peer.identity));
  CAF_CHECK_EQUAL(table.peers(), 10'000u);
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
