// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.peer_set

#include "actors/peer_set.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal;

namespace {

struct fixture {
  client_names clients;
  peer_table_config config;
  handout out;

  fixture() { config.clients = &clients; }

  static endpoint v4(uint8_t n) { return {ip_address::v4({9, 9, 9, n}), 6881}; }
  static endpoint v6(uint8_t n) { return {ip_address::v6({0x26, 0, 0, n}), 6881}; }

  announce_output announce(peer_set& set, uint64_t identity, const endpoint& peer,
                           uint64_t left = 1, announce_event event = announce_event::none,
                           coarse_seconds now = 100) {
    announce_input in;
    in.peer = peer;
    in.identity = identity;
    in.left_bytes = left;
    in.event = event;
    std::string_view id = "-TR3000-abcdefghijkl";
    std::copy(id.begin(), id.end(), in.id.bytes.begin());
    out.clear();
    return set.announce(in, now, mix_bits(identity), out);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(peer_set_tests, fixture)

CAF_TEST(two peers of any family and three of IPv4 need no heap) {
  CAF_CHECK_EQUAL(sizeof(peer_set), 80u);
  for (auto make : {v4, v6}) {
    peer_set set(config);
    CAF_CHECK(set.packed());
    announce(set, 1, make(1));
    announce(set, 2, make(2), 0);
    CAF_CHECK(set.packed());
    CAF_CHECK_EQUAL(set.memory_bytes(), sizeof(set));
    CAF_CHECK((set.counts() == swarm_counts{1, 1, 1, 0}));
    announce(set, 3, make(3));
    CAF_CHECK_EQUAL(set.packed(), make == v4);
    announce(set, 4, make(4));
    CAF_CHECK(!set.packed());
    CAF_CHECK_EQUAL(out.peers4.size() + out.peers6.size(), make == v4 ? 18u : 54u);
  }
}

CAF_TEST(a set that has shrunk is packed again by the next sweep) {
  peer_set set(config);
  for (uint8_t i = 1; i <= 10; ++i)
    announce(set, i, v4(i));
  for (uint8_t i = 3; i <= 10; ++i)
    announce(set, i, v4(i), 1, announce_event::stopped);
  CAF_CHECK(!set.packed());
  set.expire(101);
  CAF_CHECK(set.packed());
  CAF_CHECK_EQUAL(set.peers(), 2u);
  announce(set, 1, v4(1));
  CAF_CHECK_EQUAL(out.peers4.size(), 6u);
}

CAF_TEST(packed peers keep state and client and expire in time) {
  peer_set set(config);
  announce(set, 1, v4(1), 0, announce_event::completed, 100);
  announce(set, 1, v6(1), 0, announce_event::none, 200);
  std::map<std::string, peer_view> seen;
  set.for_each_address([&](const peer_view& x) {
    seen.emplace(x.address.str(), x);
    CAF_CHECK(x.id == nullptr);
    CAF_CHECK_EQUAL(clients.name_of(x.client), "-TR3000-");
    CAF_CHECK(x.state == peer_state::seeder);
  });
  CAF_REQUIRE_EQUAL(seen.size(), 2u);
  CAF_CHECK_EQUAL(set.peers(), 1u);
  CAF_CHECK_EQUAL(seen.at("9.9.9.1:6881").deadline, 100 + config.ttl_s);
  CAF_CHECK_EQUAL(set.expire(100 + config.ttl_s - 1), 0u);
  CAF_CHECK_EQUAL(set.expire(100 + config.ttl_s), 1u);
  CAF_CHECK_EQUAL(set.expire(200 + config.ttl_s), 1u);
  CAF_CHECK(set.empty());
  CAF_CHECK_EQUAL(set.counts().completed, 1u);
}

CAF_TEST(a snapshot is the same whichever way the peers are kept) {
  peer_set set(config);
  peer_table table(config);
  announce(set, 1, v4(1), 0);
  announce(set, 2, v6(2));
  std::string bytes;
  set.export_to(bytes, 100);
  CAF_REQUIRE(table.import_from(bytes, 100));
  CAF_CHECK(table.counts() == set.counts());
  peer_set copy(config);
  CAF_REQUIRE(copy.import_from(bytes, 100));
  CAF_CHECK(copy.packed());
  CAF_CHECK(copy.counts() == set.counts());
  CAF_CHECK(!copy.import_from(bytes.substr(1), 100));
  CAF_CHECK(copy.empty());
}

CAF_TEST(who wants peer ids gets no packed sets) {
  config.keep_peer_ids = true;
  peer_set set(config);
  announce(set, 1, v4(1));
  CAF_CHECK(!set.packed());
  announce(set, 2, v6(2));
  size_t ids = 0;
  set.for_each_address([&](const peer_view& x) {
    CAF_REQUIRE(x.id != nullptr);
    CAF_CHECK_EQUAL(x.id->chars(), "-TR3000-abcdefghijkl");
    ++ids;
  });
  CAF_CHECK_EQUAL(ids, 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
