// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.swarm_delta

#include "protocol/swarm_delta.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>

using namespace shoal;

namespace {

uint64_t seed_of_run() {
  if (auto text = std::getenv("SHOAL_TEST_SEED"))
    return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

struct generator {
  std::mt19937_64 random;

  uint64_t below(uint64_t n) { return random() % n; }
  uint64_t number() { return random() >> below(64); }

  info_hash hash() {
    info_hash x;
    for (auto& byte : x.bytes)
      byte = static_cast<uint8_t>(random());
    return x;
  }

  replica_peer peer(uint64_t from = 0, uint64_t to = UINT64_MAX) {
    replica_peer x;
    x.identity = std::clamp(random(), from, to);
    x.state = static_cast<uint8_t>(below(3));
    x.completed = below(2) == 0;
    auto which = 1 + below(3);
    auto byte = static_cast<uint8_t>(random());
    auto port = static_cast<uint16_t>(random());
    if ((which & 1) != 0)
      x.v4 = endpoint{ip_address::v4({1, 2, 3, byte}), port};
    if ((which & 2) != 0)
      x.v6 = endpoint{ip_address::v6({0x20, 1, byte}), port};
    if (below(3) == 0)
      x.id = peer_id{{byte, 2, 3}};
    return x;
  }

  delta_range range() {
    delta_range x{hash(), hash(), {}};
    if (x.to < x.from)
      std::swap(x.from, x.to);
    for (auto n = below(20); n > 0; --n)
      if (auto h = hash(); x.from <= h && h <= x.to)
        x.swarms.push_back(h);
    std::sort(x.swarms.begin(), x.swarms.end());
    return x;
  }

  delta_piece piece() {
    delta_piece x{random(), random(), {}};
    if (x.to < x.from)
      std::swap(x.from, x.to);
    for (auto n = below(20); n > 0; --n)
      x.peers.push_back(peer(x.from, x.to));
    return x;
  }

  swarm_fact fact() {
    switch (below(std::variant_size_v<swarm_fact>)) {
    case 0:
      return delta_swarm{hash()};
    case 1:
      return delta_peer{peer()};
    case 2:
      return delta_gone{random()};
    case 3:
      return delta_numbers{number(), static_cast<uint32_t>(number())};
    case 4:
      return delta_cleared{};
    case 5:
      return delta_dropped{};
    case 6:
      return delta_sync_begin{};
    case 7:
      return range();
    case 8:
      return piece();
    default:
      return delta_sync_end{};
    }
  }
};

/// @returns nothing if the body is not well-formed.
std::optional<std::vector<swarm_fact>> read_all(std::string_view body) {
  delta_reader in{body};
  std::vector<swarm_fact> all;
  swarm_fact x;
  while (in.next(x))
    all.push_back(x);
  if (!in.good())
    return std::nullopt;
  return all;
}

bool reads(const swarm_fact& x) {
  std::string body;
  append_fact(body, x);
  return read_all(body).has_value();
}

} // namespace

CAF_TEST(facts come back as they were told and a part of one is none) {
  auto seed = seed_of_run();
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  generator draw{std::mt19937_64{seed}};
  for (int round = 0; round < 500; ++round) {
    std::string body;
    std::vector<swarm_fact> told(draw.below(20));
    std::vector<size_t> ends{0};
    for (auto& x : told) {
      x = draw.fact();
      append_fact(body, x);
      ends.push_back(body.size());
    }
    CAF_REQUIRE(read_all(body) == told);
    auto cut = draw.below(body.size() + 1);
    auto whole = std::find(ends.begin(), ends.end(), cut) != ends.end();
    CAF_CHECK_EQUAL(read_all(std::string_view{body}.substr(0, cut)).has_value(), whole);
  }
}

CAF_TEST(a peer of IPv4 takes 16 bytes) {
  replica_peer x;
  x.v4 = endpoint{ip_address::v4({1, 2, 3, 4}), 1};
  std::string one;
  append_peer_fact(one, x);
  CAF_CHECK_EQUAL(one.size(), 16u);
  std::string other;
  append_fact(other, delta_peer{x});
  CAF_CHECK_EQUAL(one, other);
}

CAF_TEST(facts that contradict themselves are refused) {
  generator draw{std::mt19937_64{1}};
  auto low = info_hash{};
  info_hash high;
  high.bytes.fill(9);
  CAF_CHECK(reads(delta_range{low, high, {low, high}}));
  CAF_CHECK(!reads(delta_range{low, high, {high, low}}));
  CAF_CHECK(!reads(delta_range{low, high, {low, low}}));
  CAF_CHECK(!reads(delta_range{high, low, {}}));
  CAF_CHECK(!reads(delta_range{low, low, {high}}));
  auto peer = draw.peer(5, 5);
  CAF_CHECK(reads(delta_piece{5, 5, {peer}}));
  CAF_CHECK(!reads(delta_piece{6, 7, {peer}}));
  CAF_CHECK(!reads(delta_piece{7, 6, {}}));
  peer.state = 3;
  CAF_CHECK(!reads(delta_peer{peer}));
  CAF_CHECK(!reads(delta_peer{replica_peer{}}));
  CAF_MESSAGE("an unknown kind, and a number of peers that cannot be there");
  CAF_CHECK(!read_all(std::string(1, char(std::variant_size_v<swarm_fact>))));
  CAF_CHECK(!read_all('\x08' + std::string(8, '\0') + std::string(8, '\xff') + "\xff\x1f"));
  CAF_MESSAGE("more than a batch");
  CAF_CHECK(!read_all(std::string(delta_body_bytes_max + 1, '\x04')));
  CAF_CHECK(read_all(std::string(delta_body_bytes_max, '\x04')));
}

CAF_TEST(batches and acknowledgements come back as they were sent) {
  for (auto fresh : {false, true}) {
    delta_batch x{255, fresh, 1u << 20, 77, "facts"};
    auto frame = encode(x);
    CAF_CHECK(decode_delta_batch(frame) == x);
    for (size_t n = 0; n < frame.size() - x.body.size(); ++n)
      CAF_CHECK(!decode_delta_batch(std::string_view{frame}.substr(0, n)));
  }
  CAF_CHECK(!decode_delta_batch(encode(delta_batch{1, false, 0, 1, {}})));
  CAF_CHECK(!decode_delta_batch(encode(delta_batch{1, false, 1, 0, {}})));
  auto huge = std::string(delta_body_bytes_max + 1, 'x');
  CAF_CHECK(!decode_delta_batch(encode(delta_batch{1, false, 1, 1, huge})));
  for (auto what : {delta_ack::verdict::applied, delta_ack::verdict::refused}) {
    delta_ack x{3, what, UINT64_MAX, 1000};
    auto frame = encode(x);
    CAF_CHECK(decode_delta_ack(frame) == x);
    for (size_t n = 0; n < frame.size(); ++n)
      CAF_CHECK(!decode_delta_ack(std::string_view{frame}.substr(0, n)));
    CAF_CHECK(!decode_delta_ack(frame + 'x'));
  }
  CAF_CHECK(!decode_delta_ack(encode(delta_ack{3, delta_ack::verdict::sentinel_, 1, 1})));
}
