// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.plan

#include "cmd/load/plan.hpp"

#include "cmd/load/pacer.hpp"

#include <caf/test/unit_test.hpp>

#include <map>
#include <set>

using namespace shoal;
using namespace shoal::load;
using namespace std::chrono_literals;

namespace {

load_options sized(uint64_t swarms, uint64_t peers, unsigned sources) {
  load_options o;
  o.swarms = swarms;
  o.peers = peers;
  o.sources = sources;
  return o;
}

population people(const load_options& o) {
  return {o.seed, o.swarms, o.peers, o.seeds_percent};
}

} // namespace

CAF_TEST(the prefill announces each peer once and from one source) {
  for (auto o : {sized(100, 7, 16), sized(3, 50, 16), sized(1, 1, 16), sized(1000, 1, 3)}) {
    auto all = people(o);
    request_plan plan{o, all, request_plan::phase::prefill, 1};
    std::set<std::pair<uint64_t, uint64_t>> seen;
    for (unsigned source = 0; source < o.sources; ++source)
      while (auto request = plan.next(source)) {
        CAF_CHECK_EQUAL((request->swarm + request->peer) % o.sources, source);
        CAF_CHECK(seen.emplace(request->swarm, request->peer).second);
        CAF_CHECK(request->event == announce_event::started);
      }
    CAF_CHECK_EQUAL(seen.size(), o.swarms * o.peers);
    CAF_CHECK(!plan.next(0));
  }
}

CAF_TEST(measured requests come from the source of the peer) {
  auto o = sized(100, 100, 16);
  auto all = people(o);
  request_plan plan{o, all, request_plan::phase::measured, 1};
  for (unsigned i = 0; i < 10'000; ++i) {
    auto request = plan.next(i % 16);
    CAF_REQUIRE(request);
    CAF_CHECK_EQUAL((request->swarm + request->peer) % 16, i % 16);
    CAF_CHECK_LESS(request->swarm, 100u);
    CAF_CHECK_LESS(request->peer, 100u);
  }
}

CAF_TEST(small populations have somebody for each source) {
  for (auto o : {sized(1, 1, 16), sized(2, 3, 16), sized(1, 20, 16), sized(20, 1, 16)}) {
    auto all = people(o);
    request_plan plan{o, all, request_plan::phase::measured, 1};
    for (unsigned i = 0; i < 1000; ++i) {
      auto request = plan.next(i % 16);
      CAF_REQUIRE(request);
      CAF_CHECK_LESS(request->swarm, o.swarms);
      CAF_CHECK_LESS(request->peer, o.peers);
    }
  }
}

CAF_TEST(the mix is kept) {
  auto o = sized(100, 100, 16);
  o.mix = {20, 78, 2};
  o.invalid_percent = 10;
  auto all = people(o);
  request_plan plan{o, all, request_plan::phase::measured, 1};
  std::map<request_kind, int> counts;
  for (unsigned i = 0; i < 100'000; ++i)
    ++counts[plan.next(i % 16)->kind];
  CAF_CHECK(std::abs(counts[request_kind::connect] - 20'000) < 600);
  CAF_CHECK(std::abs(counts[request_kind::announce] - 70'200) < 700);
  CAF_CHECK(std::abs(counts[request_kind::invalid] - 7'800) < 400);
  CAF_CHECK(std::abs(counts[request_kind::scrape] - 2'000) < 200);
}

CAF_TEST(peers of a swarm differ in id and in port) {
  auto o = sized(10, 50'000, 16);
  auto all = people(o);
  std::set<peer_id> ids;
  std::set<uint16_t> ports;
  for (uint64_t i = 0; i < o.peers; ++i) {
    auto peer = all.peer(3, i);
    ids.insert(peer.id);
    ports.insert(peer.port);
  }
  CAF_CHECK_EQUAL(ids.size(), o.peers);
  CAF_CHECK_EQUAL(ports.size(), o.peers);
  CAF_CHECK_GREATER(*ports.begin(), 1023);
}

CAF_TEST(weights of a mix are read and nonsense is not ) {
  auto mix = request_mix::parse("20:78:2");
  CAF_REQUIRE(mix);
  CAF_CHECK_EQUAL(mix->connect, 20u);
  CAF_CHECK_EQUAL(mix->announce, 78u);
  CAF_CHECK_EQUAL(mix->scrape, 2u);
  auto pure = request_mix::parse("announce");
  CAF_REQUIRE(pure);
  CAF_CHECK_EQUAL(pure->sum(), pure->announce);
  for (auto text : {"", "1:2", "0:0:0", "1:2:3:4", "a:b:c", "1:2:3x", "announces", "1:2:-3"})
    CAF_CHECK(!request_mix::parse(text));
}

CAF_TEST(a rate is kept and a stall is not made up for at once) {
  mono_time begin{};
  pacer pace{begin, begin + 10s, 1000, 0};
  CAF_CHECK_EQUAL(pace.allowance(begin), 0u);
  CAF_CHECK_EQUAL(pace.allowance(begin + 50ms), 50u);
  pace.spend(50);
  CAF_CHECK_EQUAL(pace.allowance(begin + 50ms), 0u);
  CAF_CHECK_EQUAL(pace.allowance(begin + 5s), 100u);
  pace.spend(100);
  CAF_CHECK_EQUAL(pace.allowance(begin + 5s), 0u);
  CAF_CHECK_EQUAL(pace.allowance(begin + 5s + 20ms), 20u);
  CAF_CHECK(!pace.over(begin + 9s));
  CAF_CHECK(pace.over(begin + 10s));
}

CAF_TEST(the number of requests is a bound) {
  mono_time begin{};
  pacer pace{begin, std::nullopt, 0, 10};
  CAF_CHECK_EQUAL(pace.allowance(begin), 10u);
  pace.spend(7);
  CAF_CHECK_EQUAL(pace.allowance(begin + 1h), 3u);
  pace.spend(3);
  CAF_CHECK(pace.over(begin));
}
