// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.swarm

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : tracker_fixture {
  const info_hash v1 = hash20(0x11);
  const registry_entry both = hybrid(0x22, 0x11);
  const info_hash v2 = both.hashes.primary_swarm();

  swarm_numbers numbers(const info_hash& hash) {
    return must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash});
  }

  /// Leaves the swarm and sends what it saved to its shard, as a restart does.
  void restart_from(restore_swarm image, bool clean) {
    kill(swarm_of(image.swarm));
    image.clean = clean;
    caf::anon_send(settings.shards[slot_of(image.swarm)], image);
    drain();
  }

  restore_swarm save(const info_hash& hash) {
    return must<restore_swarm>(swarm_of(hash), atom::save::value);
  }

  announce_request traffic(uint8_t n, uint64_t uploaded) const {
    auto req = hello(v1, n, 0);
    req.user = "ada";
    req.uploaded = uploaded;
    return req;
  }

  uint64_t booked() {
    CAF_CHECK(ask<atom::flush>(booking, atom::flush::value));
    auto found_record = store->get(table::users, "ada");
    return *found_record ? decode_usage((*found_record)->value)->uploaded_bytes : 0;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(swarm_tests, fixture)

CAF_TEST(an announce is answered with the other peers) {
  announce(hello(v1, 1, 0));
  auto reply = announce(hello(v1, 2, 5));
  CAF_CHECK_EQUAL(reply.exchange, 2u);
  CAF_CHECK_EQUAL(reply.interval_s, 1800u);
  CAF_CHECK_EQUAL(reply.complete, 1u);
  CAF_CHECK_EQUAL(reply.incomplete, 1u);
  CAF_CHECK_EQUAL(reply.peers4, std::string("\x0a\0\0\x01\x1a\xe1", 6));
  CAF_CHECK_EQUAL(directory->peer_count(), 2);
}

CAF_TEST(a silent peer is not handed out any more) {
  announce(hello(v1, 1, 0));
  now += settings.peers.ttl_s + 1;
  sweep(v1);
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
  CAF_CHECK(announce(hello(v1, 2, 5)).peers4.empty());
}

CAF_TEST(a deserted swarm leaves and passes stragglers on to its successor) {
  announce(hello(v1, 1, 0, announce_event::stopped));
  auto old = swarm_of(v1);
  for (int i = 0; i < 3; ++i)
    sweep(v1);
  CAF_CHECK(!swarm_of(v1));
  CAF_CHECK_EQUAL(directory->swarm_count(), 0u);
  caf::anon_send(old, hello(v1, 2, 0), edge);
  drain();
  CAF_REQUIRE_EQUAL(heard.size(), 2u);
  CAF_REQUIRE(swarm_of(v1));
  CAF_CHECK(swarm_of(v1) != old);
  CAF_CHECK_EQUAL(numbers(v1).complete, 1u);
  CAF_MESSAGE("what it hears late does not change what its successor has said");
  caf::anon_send(old, atom::refresh::value);
  advance(std::chrono::seconds{6});
  CAF_CHECK_EQUAL(numbers(v1).complete, 1u);
}

CAF_TEST(a swarm that somebody announces to again stays) {
  announce(hello(v1, 1, 0, announce_event::stopped));
  for (int i = 0; i < 5; ++i) {
    sweep(v1);
    announce(hello(v1, 1, 0, announce_event::stopped));
  }
  CAF_CHECK(swarm_of(v1));
}

CAF_TEST(a takedown forgets the peers) {
  announce(hello(v1, 1, 0));
  caf::anon_send(swarm_of(v1), atom::clear::value);
  drain();
  CAF_CHECK_EQUAL(numbers(v1).complete, 0u);
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
}

CAF_TEST(a hybrid counts a peer once however many hashes it announces) {
  announce(hello(v1, 1, 0));
  announce(hello(v2, 1, 0));
  announce(hello(v1, 2, 7));
  CAF_REQUIRE(enter(both));
  auto entry = seen(both.hashes);
  CAF_CHECK_EQUAL(entry.seeders, 1u);
  CAF_CHECK_EQUAL(entry.leechers, 1u);
  announce(hello(v1, 1, 0, announce_event::stopped));
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 1u);
  announce(hello(v2, 1, 0, announce_event::stopped));
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 0u);
}

CAF_TEST(a peer that expires in one swarm of a hybrid leaves the sum) {
  CAF_REQUIRE(enter(both));
  announce(hello(v1, 1, 0));
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 1u);
  now += settings.peers.ttl_s + 1;
  sweep(v1);
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 0u);
}

CAF_TEST(facts of a swarm whose entry is gone are not kept) {
  announce(hello(v2, 1, 0, announce_event::stopped));
  paired_peers late{v2, 1, false, {{9, peer_change::to::seeder}}, {}};
  caf::anon_send(settings.shards[slot_of(v2)], late);
  drain();
  for (int i = 0; i < 3; ++i)
    sweep(v2);
  CAF_CHECK(!swarm_of(v2));
}

CAF_TEST(a completion counts once over both hashes) {
  CAF_REQUIRE(enter(both));
  announce(hello(v1, 1, 0, announce_event::completed));
  announce(hello(v2, 1, 0, announce_event::completed));
  announce(hello(v2, 2, 0, announce_event::completed));
  CAF_CHECK_EQUAL(seen(both.hashes).completions, 2u);
}

CAF_TEST(a saved swarm comes back with peers and completions) {
  announce(hello(v1, 1, 0, announce_event::completed));
  announce(hello(v1, 2, 5));
  restart_from(save(v1), false);
  auto back = numbers(v1);
  CAF_CHECK_EQUAL(back.complete, 1u);
  CAF_CHECK_EQUAL(back.incomplete, 1u);
  CAF_CHECK_EQUAL(back.downloaded, 1u);
  CAF_CHECK_EQUAL(directory->peer_count(), 2);
}

CAF_TEST(a swarm without peers comes back with its completions) {
  announce(hello(v1, 1, 0, announce_event::completed));
  announce(hello(v1, 1, 0, announce_event::stopped));
  restart_from(save(v1), true);
  CAF_CHECK_EQUAL(numbers(v1).downloaded, 1u);
}

CAF_TEST(a damaged image costs the peers and not the completions) {
  announce(hello(v1, 1, 0, announce_event::completed));
  auto image = save(v1);
  image.body.resize(image.body.size() / 2);
  restart_from(image, true);
  CAF_CHECK_EQUAL(numbers(v1).complete, 0u);
  CAF_CHECK_EQUAL(numbers(v1).downloaded, 1u);
}

CAF_TEST(a restored hybrid counts as before in whatever order it comes back) {
  CAF_REQUIRE(enter(both));
  announce(hello(v1, 1, 0));
  announce(hello(v2, 1, 0));
  announce(hello(v1, 2, 7));
  auto image1 = save(v1);
  auto image2 = save(v2);
  for (auto first : {0, 1}) {
    kill(swarm_of(v1));
    kill(swarm_of(v2));
    auto& a = first == 0 ? image1 : image2;
    auto& b = first == 0 ? image2 : image1;
    caf::anon_send(settings.shards[slot_of(a.swarm)], a);
    drain();
    caf::anon_send(settings.shards[slot_of(b.swarm)], b);
    drain();
    CAF_CHECK_EQUAL(seen(both.hashes).seeders, 1u);
    CAF_CHECK_EQUAL(seen(both.hashes).leechers, 1u);
  }
}

CAF_TEST(a blocked swarm does not come back) {
  announce(hello(v1, 1, 0));
  auto image = save(v1);
  directory->set_blocked(v1, true);
  restart_from(image, true);
  CAF_CHECK_EQUAL(numbers(v1).complete, 0u);
}

CAF_TEST(after an orderly stop traffic is booked from where it was) {
  announce(traffic(1, 100));
  announce(traffic(1, 150));
  restart_from(save(v1), true);
  announce(traffic(1, 180));
  CAF_CHECK_EQUAL(booked(), 80u);
}

CAF_TEST(after a crash nothing is booked twice) {
  announce(traffic(1, 100));
  auto image = save(v1);
  announce(traffic(1, 150));
  restart_from(image, false);
  announce(traffic(1, 180));
  announce(traffic(1, 190));
  CAF_CHECK_EQUAL(booked(), 60u);
}

CAF_TEST(a client of a hybrid is booked once for what it reports twice) {
  CAF_REQUIRE(enter(both));
  for (uint64_t total : {0u, 100u, 250u})
    for (auto hash : {v1, v2}) {
      auto req = traffic(1, total);
      req.swarm = hash;
      announce(req);
    }
  CAF_CHECK_EQUAL(booked(), 250u);
}

CAF_TEST(jumps of the wall clock change nothing for peers) {
  announce(hello(v1, 1, 0));
  CAF_REQUIRE(enter(both));
  for (unix_seconds jump : {400 * 86'400, -800 * 86'400, 3600, -3600}) {
    wall += jump;
    sweep(v1);
    auto reply = announce(hello(v1, 2, 5));
    CAF_CHECK_EQUAL(reply.complete, 1u);
    CAF_CHECK_EQUAL(reply.interval_s, 1800u);
    CAF_CHECK_EQUAL(reply.peers4.size(), 6u);
  }
  CAF_MESSAGE("and silence still counts in seconds that have passed");
  now += settings.peers.ttl_s + 1;
  sweep(v1);
  CAF_CHECK_EQUAL(numbers(v1).complete, 0u);
}

CAF_TEST(an evicted swarm forgets its peers and the next announce begins anew) {
  announce(hello(v1, 1, 0));
  auto old = swarm_of(v1);
  caf::anon_send(old, atom::evict::value);
  drain();
  CAF_CHECK(!swarm_of(v1));
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
  CAF_CHECK(announce(hello(v1, 2, 5)).peers4.empty());
  CAF_CHECK(swarm_of(v1) != old);
}

CAF_TEST(a registered swarm is never evicted) {
  CAF_REQUIRE(enter(both));
  announce(hello(v1, 1, 0));
  caf::anon_send(swarm_of(v1), atom::evict::value);
  drain();
  CAF_CHECK_EQUAL(numbers(v1).complete, 1u);
}

CAF_TEST(a full node keeps its number of peers) {
  bounds_config tight;
  tight.peers_max = 3;
  settings.bounds.configure(tight);
  for (uint8_t i = 1; i <= 3; ++i)
    announce(hello(v1, i, 5));
  settings.bounds.measure(1, 3);
  ++now;
  announce(hello(v1, 2, 5));
  announce(hello(v1, 3, 5));
  auto reply = announce(hello(v1, 4, 5));
  CAF_CHECK_EQUAL(reply.incomplete, 3u);
  CAF_CHECK_EQUAL(reply.peers4.find(std::string("\x0a\0\0\x01", 4)), std::string::npos);
  CAF_CHECK_EQUAL(directory->peer_count(), 3);
}

CAF_TEST(the interval follows the swarm the load and the restart) {
  interval_config wide;
  wide.min_s = 300;
  wide.max_s = 7200;
  wide.jitter_percent = 0;
  settings.intervals.configure(wide);
  CAF_CHECK_EQUAL(announce(hello(v1, 1, 0)).interval_s, 900u);
  now += 2 * interval_policy::young_s;
  CAF_CHECK_EQUAL(announce(hello(v1, 1, 0)).interval_s, 1800u);
  settings.came_back = true;
  auto spread = announce(hello(v1, 1, 0)).interval_s;
  CAF_CHECK(spread >= 1800 && spread < 3600);
  settings.came_back = false;
  wide.target_per_second = 10;
  settings.intervals.configure(wide);
  for (int i = 0; i < 100; ++i)
    settings.intervals.note_load(20, 0);
  CAF_CHECK(announce(hello(v1, 1, 0)).interval_s >= 3590);
}

CAF_TEST(a swarm describes itself) {
  auto first = hello(v1, 1, 0, announce_event::completed);
  std::string_view id = "-TR3000-abcdefghijkl";
  std::copy(id.begin(), id.end(), first.id.bytes.begin());
  announce(first);
  now += 100;
  announce(hello(v1, 2, 5));
  now += 7;
  auto seen = must<swarm_description>(swarm_of(v1), describe_swarm{1000});
  CAF_CHECK_EQUAL(seen.numbers.complete, 1u);
  CAF_CHECK_EQUAL(seen.numbers.downloaded, 1u);
  CAF_CHECK_EQUAL(seen.addresses, 2u);
  CAF_CHECK_EQUAL(seen.silent_s, 7u);
  CAF_CHECK(seen.age_s >= 64 && seen.age_s <= 192);
  CAF_REQUIRE_EQUAL(seen.peers.size(), 2u);
  auto& seed = seen.peers[0].state == peer_state::seeder ? seen.peers[0] : seen.peers[1];
  CAF_CHECK_EQUAL(seed.address.str(), "10.0.0.1:6881");
  CAF_CHECK_EQUAL(seed.client, "-TR3000-");
  CAF_CHECK_EQUAL(seed.silent_s, 107u);
  CAF_CHECK_EQUAL(must<swarm_description>(swarm_of(v1), describe_swarm{1}).peers.size(), 1u);
}

CAF_TEST(a sweep counts every swarm with its rank) {
  announce(hello(v1, 1, 0));
  announce(hello(v2, 1, 0));
  announce(hello(v2, 2, 5));
  restart_from(save(v2), true);
  auto later = mono_time{std::chrono::hours{1}};
  for (auto& hash : {v1, v2}) {
    settings.census.begin(slot_of(hash), mono_time{});
    sweep(hash);
  }
  auto all = settings.census.totals(later);
  CAF_CHECK_EQUAL(all->swarms, 2u);
  CAF_CHECK_EQUAL(all->seeders, 2u);
  CAF_CHECK_EQUAL(all->addresses4, 3u);
  auto victims = settings.census.victims(later);
  CAF_REQUIRE_EQUAL(victims.size(), 2u);
  CAF_CHECK(victims[0].hash == v2);
  CAF_CHECK(victims[0].rank == eviction_rank::restored);
  CAF_CHECK(victims[1].rank == eviction_rank::single);
}

CAF_TEST(announces go on while the registry is dead) {
  CAF_REQUIRE(enter(both));
  for (auto& x : registry)
    kill(x);
  kill(booking);
  auto req = hello(v2, 1, 0, announce_event::completed);
  req.user = "ada";
  CAF_CHECK_EQUAL(announce(req).complete, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
