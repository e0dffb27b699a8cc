// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.peer_table

#include "actors/peer_table.hpp"

#include <caf/test/unit_test.hpp>

#include <set>

using namespace shoal;

namespace {

endpoint ep(std::string_view ip, uint16_t port) {
  return {*ip_address::parse(ip), port};
}

struct fixture {
  peer_table_config config;
  peer_table table{config};
  handout out;
  std::vector<peer_change> changes;
  uint64_t random = 0x9e3779b97f4a7c15;

  announce_input input(uint64_t identity, endpoint peer, uint64_t left = 1) {
    announce_input in;
    in.peer = peer;
    in.identity = identity;
    in.left_bytes = left;
    in.id.bytes.fill(uint8_t(identity));
    return in;
  }

  announce_output announce(const announce_input& in, coarse_seconds now = 100) {
    out.clear();
    changes.clear();
    random = mix_bits(random + 1);
    return table.announce(in, now, random, out, &changes);
  }

  announce_output announce(uint64_t identity, endpoint peer, uint64_t left = 1,
                           announce_event event = announce_event::none) {
    auto in = input(identity, peer, left);
    in.event = event;
    return announce(in);
  }

  void fill(uint32_t count, uint64_t left = 1) {
    for (uint32_t i = 0; i < count; ++i)
      announce(1000 + i, nth(i), left);
  }

  static endpoint nth(uint32_t i) {
    return {ip_address::v4({9, uint8_t(i >> 16), uint8_t(i >> 8), uint8_t(i)}), 6881};
  }
};

std::set<std::string> split(const std::string& wires, size_t stride) {
  std::set<std::string> result;
  for (size_t i = 0; i < wires.size(); i += stride)
    result.insert(wires.substr(i, stride));
  return result;
}

std::string wire(const endpoint& e) {
  auto key = address_key::of(e);
  return std::string(key.wire.begin(), key.wire.begin() + ptrdiff_t(e.address.size()) + 2);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(peer_table_tests, fixture)

CAF_TEST(two leechers see each other and not themselves) {
  auto first = announce(1, ep("8.8.8.8", 1));
  CAF_CHECK(first.joined);
  CAF_CHECK(out.peers4.empty());
  announce(2, ep("8.8.4.4", 0x1234));
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 1)));
  announce(1, ep("8.8.8.8", 1));
  CAF_CHECK_EQUAL(out.peers4, std::string("\x08\x08\x04\x04\x12\x34"));
  CAF_CHECK(table.counts() == (swarm_counts{0, 2, 2, 0}));
}

CAF_TEST(seeds and partial seeds are not handed to seeds) {
  announce(1, ep("8.8.8.8", 1), 0);
  announce(2, ep("8.8.8.8", 2), 5, announce_event::paused);
  announce(3, ep("8.8.8.8", 3), 5);
  CAF_CHECK_EQUAL(split(out.peers4, 6).size(), 2u);
  announce(1, ep("8.8.8.8", 1), 0);
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 3)));
  announce(2, ep("8.8.8.8", 2), 5, announce_event::paused);
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 3)));
  CAF_CHECK(table.counts() == (swarm_counts{1, 2, 1, 0}));
}

CAF_TEST(a peer that starts gets seeds even if it says that nothing is left) {
  announce(1, ep("8.8.8.8", 1), 0);
  announce(2, ep("8.8.8.8", 2), 0, announce_event::started);
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 1)));
  announce(2, ep("8.8.8.8", 2), 0);
  CAF_CHECK(out.peers4.empty());
}

CAF_TEST(a paused peer without anything left is a seeder) {
  announce(1, ep("8.8.8.8", 1), 0, announce_event::paused);
  CAF_CHECK(table.counts() == (swarm_counts{1, 0, 0, 0}));
}

CAF_TEST(numwant bounds the handout and zero means none) {
  fill(300);
  auto in = input(1, ep("8.8.8.8", 1));
  for (uint32_t wanted : {0u, 1u, 7u, 50u, 299u, 300u, 1000u}) {
    in.numwant = wanted;
    announce(in);
    auto peers = split(out.peers4, 6);
    CAF_CHECK_EQUAL(peers.size(), size_t{wanted < 300 ? wanted : 300});
    CAF_CHECK_EQUAL(out.peers4.size(), peers.size() * 6);
    CAF_CHECK(!peers.contains(wire(in.peer)));
  }
}

CAF_TEST(every peer is handed out some time) {
  fill(100);
  std::set<std::string> seen;
  auto in = input(1, ep("8.8.8.8", 1));
  in.numwant = 10;
  for (int i = 0; i < 300; ++i) {
    announce(in);
    seen.merge(split(out.peers4, 6));
  }
  CAF_CHECK_EQUAL(seen.size(), 100u);
}

CAF_TEST(an address of another family is the same peer) {
  announce(1, ep("8.8.8.8", 1));
  auto second = announce(1, ep("2606:4700::1", 1));
  CAF_CHECK(!second.joined);
  CAF_CHECK(out.peers4.empty() && out.peers6.empty());
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(changes[0] == (peer_change{1, peer_change::to::leecher}));
  CAF_CHECK(table.counts() == (swarm_counts{0, 1, 1, 0}));
  CAF_CHECK_EQUAL(table.addresses(), 2u);
  announce(2, ep("2606:4700::2", 2));
  CAF_CHECK_EQUAL(out.peers6, wire(ep("2606:4700::1", 1)));
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 1)));
  announce(1, ep("2606:4700::1", 1), 0);
  CAF_CHECK(table.counts() == (swarm_counts{1, 1, 1, 0}));
  announce(3, ep("8.8.8.8", 3), 0);
  CAF_CHECK(out.peers4.empty());
}

CAF_TEST(stopping removes both addresses and gets no peers) {
  announce(1, ep("8.8.8.8", 1));
  announce(1, ep("2606:4700::1", 1));
  announce(2, ep("8.8.8.8", 2));
  auto result = announce(1, ep("8.8.8.8", 1), 1, announce_event::stopped);
  CAF_CHECK(result.left);
  CAF_CHECK(out.peers4.empty());
  CAF_CHECK_EQUAL(table.addresses(), 1u);
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(changes[0] == (peer_change{1, peer_change::to::gone}));
  CAF_CHECK(!announce(1, ep("2606:4700::1", 1), 1, announce_event::stopped).left);
}

CAF_TEST(a UDP asker gets its own family only) {
  announce(1, ep("8.8.8.8", 1));
  announce(2, ep("2606:4700::2", 2));
  auto in = input(3, ep("8.8.8.8", 3));
  in.own_family_only = true;
  announce(in);
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 1)));
  CAF_CHECK(out.peers6.empty());
}

CAF_TEST(three quarters of a handout are of the family of the asker) {
  fill(200);
  for (uint16_t i = 0; i < 200; ++i)
    announce(5000 + i, ep("2606:4700::1", uint16_t(i + 1)));
  auto in = input(1, ep("2606:4700::2", 1));
  in.numwant = 40;
  announce(in);
  CAF_CHECK_EQUAL(out.peers6.size() / 18, 30u);
  CAF_CHECK_EQUAL(out.peers4.size() / 6, 10u);
}

CAF_TEST(a moved peer leaves its old address) {
  announce(1, ep("8.8.8.8", 1));
  auto moved = announce(1, ep("8.8.4.4", 2));
  CAF_CHECK(!moved.joined);
  announce(2, ep("8.8.8.8", 9));
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.4.4", 2)));
}

CAF_TEST(an address belongs to whoever announced it last) {
  announce(1, ep("8.8.8.8", 1), 0);
  announce(2, ep("8.8.8.8", 1));
  CAF_CHECK(table.counts() == (swarm_counts{0, 1, 1, 0}));
  CAF_REQUIRE_EQUAL(changes.size(), 2u);
  CAF_CHECK(changes[0] == (peer_change{1, peer_change::to::gone}));
  CAF_CHECK(changes[1] == (peer_change{2, peer_change::to::leecher}));
}

CAF_TEST(addresses that nobody can reach count but are not handed out) {
  announce(1, ep("192.168.1.1", 1));
  announce(2, ep("8.8.8.8", 0));
  announce(3, ep("fe80::1", 3));
  announce(4, ep("8.8.8.8", 4));
  CAF_CHECK(out.peers4.empty() && out.peers6.empty());
  CAF_CHECK_EQUAL(table.counts().leechers, 4u);
  announce(1, ep("8.8.8.8", 1));
  announce(4, ep("8.8.8.8", 4));
  CAF_CHECK_EQUAL(out.peers4, wire(ep("8.8.8.8", 1)));
}

CAF_TEST(a private network hands out its own addresses) {
  config.private_network = true;
  announce(1, ep("192.168.1.1", 1));
  announce(2, ep("192.168.1.2", 2));
  CAF_CHECK_EQUAL(out.peers4, wire(ep("192.168.1.1", 1)));
}

CAF_TEST(a completion counts once per peer) {
  using enum announce_event;
  announce(1, ep("8.8.8.8", 1));
  CAF_CHECK(announce(1, ep("8.8.8.8", 1), 0, completed).completed_now);
  CAF_CHECK(!announce(1, ep("8.8.8.8", 1), 0, completed).completed_now);
  CAF_CHECK(!announce(1, ep("2606:4700::1", 1), 0, completed).completed_now);
  announce(1, ep("8.8.8.8", 1), 0, stopped);
  announce(1, ep("8.8.8.8", 7), 0, started);
  CAF_CHECK(!announce(1, ep("8.8.8.8", 7), 0, completed).completed_now);
  CAF_CHECK(announce(2, ep("8.8.8.8", 2), 0, completed).completed_now);
  CAF_CHECK_EQUAL(table.counts().completed, 2u);
}

CAF_TEST(the memory of completers is bounded) {
  for (uint64_t i = 0; i < 3 * peer_table::recent_completers_max; ++i) {
    announce(i, ep("8.8.8.8", 1), 0, announce_event::completed);
    announce(i, ep("8.8.8.8", 1), 0, announce_event::stopped);
  }
  CAF_CHECK(table.memory_bytes() < 4 * 8 * peer_table::recent_completers_max);
  auto last = 3 * peer_table::recent_completers_max - 1;
  CAF_CHECK(!announce(last, ep("8.8.8.8", 1), 0, announce_event::completed).completed_now);
}

CAF_TEST(a peer expires after its time to live) {
  announce(input(1, ep("8.8.8.8", 1)), 100);
  announce(input(2, ep("8.8.8.8", 2)), 200);
  CAF_CHECK_EQUAL(table.expire(100 + config.ttl_s - 1), 0u);
  changes.clear();
  CAF_CHECK_EQUAL(table.expire(100 + config.ttl_s, &changes), 1u);
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(changes[0] == (peer_change{1, peer_change::to::gone}));
  CAF_CHECK_EQUAL(table.expire(200 + config.ttl_s), 1u);
  CAF_CHECK(table.empty());
}

CAF_TEST(one address of a peer expires without the other) {
  announce(input(1, ep("8.8.8.8", 1)), 100);
  announce(input(1, ep("2606:4700::1", 1), 0), 200);
  changes.clear();
  CAF_CHECK_EQUAL(table.expire(100 + config.ttl_s, &changes), 1u);
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(changes[0] == (peer_change{1, peer_change::to::seeder}));
  CAF_CHECK(table.counts() == (swarm_counts{1, 0, 0, 0}));
  table.expire(200 + config.ttl_s, &changes);
  CAF_CHECK_EQUAL(changes.size(), 2u);
}

CAF_TEST(a full table evicts who was silent the longest) {
  config.addresses_max = 1000;
  for (uint32_t i = 0; i < 3000; ++i) {
    announce(input(i, nth(i)), 100 + i);
    if (i >= 1000) {
      CAF_REQUIRE_EQUAL(changes.size(), 2u);
      // Peer 0 announces again and again, so the first victim is 1.
      CAF_REQUIRE_EQUAL(changes[0].identity, i - 1000 + 1);
    }
    announce(input(0, nth(0)), 100 + i);
  }
  CAF_CHECK_EQUAL(table.addresses(), 1000u);
}

CAF_TEST(peer ids come in the order of the addresses) {
  config.keep_peer_ids = true;
  fill(50);
  auto in = input(1, ep("8.8.8.8", 1));
  in.want_peer_ids = true;
  in.numwant = 20;
  announce(in);
  CAF_REQUIRE_EQUAL(out.ids4.size(), 400u);
  for (size_t i = 0; i < 20; ++i) {
    auto number = uint8_t(out.peers4[i * 6 + 3]);
    CAF_CHECK_EQUAL(uint8_t(out.ids4[i * 20]), uint8_t(1000 + number));
  }
}

CAF_TEST(clearing reports everybody gone and keeps the completions) {
  announce(1, ep("8.8.8.8", 1), 0, announce_event::completed);
  announce(1, ep("2606:4700::1", 1), 0);
  changes.clear();
  table.clear(&changes);
  CAF_CHECK_EQUAL(changes.size(), 1u);
  CAF_CHECK(table.counts() == (swarm_counts{0, 0, 0, 1}));
}

CAF_TEST(memory per peer stays within the figure) {
  CAF_CHECK(sizeof(peer_table) <= 168);
  announce(1, nth(0));
  auto one = table.memory_bytes();
  CAF_MESSAGE("one peer: " << one << " bytes in all");
  CAF_CHECK(one <= 200);
  fill(100);
  auto hundred = double(table.memory_bytes()) / 101;
  CAF_MESSAGE("a hundred peers: " << hundred << " bytes each");
  CAF_CHECK(hundred <= 30);
  fill(100'000);
  CAF_MESSAGE("100k peers: " << double(table.memory_bytes()) / 100'000 << " bytes each");
  CAF_CHECK(table.memory_bytes() <= 45 * 100'000);
}

CAF_TEST(without room a newcomer takes the place of the oldest and nobody else has to go) {
  fill(5);
  auto in = input(1, ep("8.8.8.8", 1));
  in.no_room = true;
  announce(in, 200);
  CAF_CHECK_EQUAL(table.addresses(), 5u);
  CAF_REQUIRE_EQUAL(changes.size(), 2u);
  CAF_CHECK(changes[0].state == peer_change::to::gone);
  CAF_MESSAGE("one that is known needs no room");
  announce(in, 300);
  CAF_CHECK(changes.empty());
  CAF_CHECK_EQUAL(table.addresses(), 5u);
}

CAF_TEST_FIXTURE_SCOPE_END()
