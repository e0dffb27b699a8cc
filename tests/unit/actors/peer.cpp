// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.peer

#include "actors/peer.hpp"

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// A client, as its socket would be.
struct fake_line : web_line {
  void say(std::string_view json) override { heard.emplace_back(json); }
  void may_answer_until(mono_time when) override { until = when; }
  void answer_dropped() override { ++dropped; }
  ip_address address() const override { return ip_address::v4({10, 0, 0, 1}); }
  void peer_ended() override { ended = true; }

  /// @returns what it has heard since it was asked last.
  std::vector<std::string> news() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  mono_time until{};
  int dropped = 0;
  bool ended = false;
  peer_actor peer;
};

peer_id id_of(uint8_t n) {
  peer_id id;
  id.bytes.fill(static_cast<uint8_t>('A' + n));
  return id;
}

ws_offer offer(char name, std::string sdp) {
  ws_offer o;
  o.id.bytes.fill(static_cast<uint8_t>(name));
  o.sdp = std::move(sdp);
  return o;
}

struct fixture : tracker_fixture {
  fixture() {
    loop.bind_to_this_thread();
    desk.loop = &loop;
    desk.directory = directory.get();
    desk.shards = &settings.shards;
    desk.gate = &gate;
    desk.metrics = &counted;
    desk.now = [this] { return clock; };
    for (auto& line : lines)
      line.peer = connect_peer(sys, desk, line);
  }

  ~fixture() override {
    for (auto& line : lines)
      if (!line.ended)
        disconnect_peer(line.peer);
    settle();
    CAF_CHECK_EQUAL(desk.peers, 0u);
    for (auto& line : lines)
      line.peer = peer_actor{};
  }

  /// Peers run on the loop, all others under the test's scheduler.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      drain();
      loop.run();
    }
  }

  web_announce hello(uint8_t n, uint64_t left, announce_event event = announce_event::none) {
    web_announce req;
    req.swarm = hash;
    req.id = id_of(n);
    req.identity = n;
    req.left = left;
    req.event = event;
    return req;
  }

  void announce(uint8_t n, const web_announce& req) {
    caf::anon_send(lines[n].peer, req, swarm_of(req.swarm));
    settle();
  }

  std::string reply(unsigned complete, unsigned incomplete) const {
    std::string out;
    append_ws_reply(out, {hash, 120, complete, incomplete});
    return out;
  }

  void answer(uint8_t from, uint8_t to, const ws_offer& what) {
    caf::anon_send(lines[from].peer, web_answer{hash, id_of(from), id_of(to), what});
    settle();
  }

  const info_hash hash = hash20('h');
  loop_unit loop{sys, [] {}};
  tracker_gate gate{{}, *directory, {}, metrics};
  web_metrics counted{metrics};
  web_desk desk;
  mono_time clock = mono_time{} + 1h;
  std::array<fake_line, 3> lines;
};

using texts = std::vector<std::string>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(peer_tests, fixture)

CAF_TEST(an announce is answered with counts of all transports) {
  announce(0, hello(0, 5));
  CAF_CHECK(lines[0].news() == texts{reply(0, 1)});
  tracker_fixture::announce(tracker_fixture::hello(hash, 9, 0));
  announce(1, hello(1, 0));
  CAF_CHECK(lines[1].news() == texts{reply(2, 1)});
  auto numbers = must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash});
  CAF_CHECK_EQUAL(numbers.complete, 2u);
  CAF_CHECK_EQUAL(numbers.incomplete, 1u);
  CAF_CHECK_EQUAL(directory->peer_count(), 3);
  CAF_MESSAGE("nobody can connect to an address of those");
  auto http = tracker_fixture::announce(tracker_fixture::hello(hash, 10, 5));
  CAF_CHECK_EQUAL(http.complete, 2u);
  CAF_CHECK_EQUAL(http.incomplete, 2u);
  CAF_CHECK_EQUAL(http.peers4.size(), 6u);
}

CAF_TEST(a peer on two transports counts once) {
  announce(0, hello(7, 5));
  tracker_fixture::announce(tracker_fixture::hello(hash, 7, 5));
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash}).incomplete, 1u);
  CAF_CHECK_EQUAL(directory->peer_count(), 1);
  tracker_fixture::announce(tracker_fixture::hello(hash, 7, 5, announce_event::stopped));
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash}).incomplete, 1u);
  announce(0, hello(7, 5, announce_event::stopped));
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash}).incomplete, 0u);
}

CAF_TEST(an offer and its answer find their way) {
  announce(0, hello(0, 5));
  lines[0].news();
  auto req = hello(1, 5);
  req.offers = {offer('o', "an offer"), offer('p', "too many")};
  announce(1, req);
  CAF_CHECK(lines[1].news() == texts{reply(0, 2)});
  std::string told;
  append_ws_offer(told, hash, id_of(1), req.offers[0]);
  CAF_CHECK(lines[0].news() == texts{told});
  CAF_CHECK(lines[0].until == clock + 50s);
  answer(0, 1, offer('o', "an answer"));
  std::string answered;
  append_ws_answer(answered, hash, id_of(0), offer('o', "an answer"));
  CAF_CHECK(lines[1].news() == texts{answered});
  CAF_CHECK(lines[0].news().empty());
  CAF_CHECK_EQUAL(counted.offers.value(), 1u);
  CAF_CHECK_EQUAL(counted.answers.value(), 1u);
}

CAF_TEST(only answers to known offers are relayed) {
  announce(0, hello(0, 5));
  announce(2, hello(2, 5));
  auto req = hello(1, 5);
  req.offers = {offer('o', "x"), offer('p', "y")};
  announce(1, req);
  lines[1].news();
  auto first = lines[0].news().back().find("oooooooooooooooooooo") != std::string::npos;
  auto own = first ? 'o' : 'p';
  auto foreign = first ? 'p' : 'o';
  answer(0, 1, offer('z', "never offered"));
  answer(0, 1, offer(foreign, "offered to somebody else"));
  answer(0, 2, offer(own, "not by this one"));
  CAF_CHECK(lines[1].news().empty());
  CAF_CHECK_EQUAL(counted.dropped_answers.value(), 3u);
  CAF_CHECK_EQUAL(lines[0].dropped, 3);
  answer(0, 1, offer(own, "right"));
  answer(0, 1, offer(own, "a second time"));
  CAF_CHECK_EQUAL(lines[1].news().size(), 1u);
  CAF_CHECK_EQUAL(counted.dropped_answers.value(), 4u);
}

CAF_TEST(an answer may come for fifty seconds) {
  announce(0, hello(0, 5));
  auto req = hello(1, 5);
  req.offers = {offer('o', "x")};
  announce(1, req);
  lines[1].news();
  clock += 50s;
  caf::anon_send(lines[0].peer, atom::expire::value);
  answer(0, 1, offer('o', "late"));
  CAF_CHECK(lines[1].news().empty());
}

CAF_TEST(who closes its socket leaves all of its swarms) {
  auto other = hello(0, 0);
  other.swarm = hash20('i');
  announce(0, hello(0, 5));
  announce(0, other);
  announce(1, hello(1, 5));
  disconnect_peer(lines[0].peer);
  settle();
  CAF_CHECK(!lines[0].ended);
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash}).incomplete, 1u);
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash20('i')), scrape_swarm{hash}).complete, 0u);
  lines[0].ended = true;
}

CAF_TEST(peers that offered something to each other are gone when they end) {
  for (auto i : {uint8_t{0}, uint8_t{1}, uint8_t{0}}) {
    auto req = hello(i, 5);
    req.offers = {offer(static_cast<char>('o' + i), "x")};
    announce(i, req);
  }
  CAF_CHECK_EQUAL(counted.offers.value(), 2u);
  std::vector<caf::actor_addr> gone;
  for (size_t i : {0u, 1u}) {
    gone.push_back(lines[i].peer.address());
    disconnect_peer(lines[i].peer);
    settle();
    lines[i].peer = peer_actor{};
    lines[i].ended = true;
  }
  for (auto& address : gone)
    CAF_CHECK(caf::actor_cast<caf::strong_actor_ptr>(address) == nullptr);
}

CAF_TEST(a peer that dies closes its line and leaves its swarms) {
  announce(0, hello(0, 5));
  caf::anon_send_exit(lines[0].peer, caf::exit_reason::kill);
  settle();
  CAF_CHECK(lines[0].ended);
  CAF_CHECK_EQUAL(must<swarm_numbers>(swarm_of(hash), scrape_swarm{hash}).incomplete, 0u);
}

CAF_TEST(a takedown tells everybody who is connected) {
  announce(0, hello(0, 5));
  announce(1, hello(1, 0));
  lines[0].news();
  caf::anon_send(swarm_of(hash), atom::clear::value);
  settle();
  std::string blocked;
  append_ws_failure(blocked, {ws_action::announce, hash, "info_hash is blocked"});
  CAF_CHECK(lines[0].news() == texts{blocked});
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
}

CAF_TEST(silent peers go and the swarm with them) {
  announce(0, hello(0, 5));
  now += settings.web_ttl_s - 1;
  sweep(hash);
  CAF_CHECK_EQUAL(directory->peer_count(), 1);
  now += 1;
  sweep(hash);
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
  for (int i = 0; i < 3; ++i)
    sweep(hash);
  CAF_CHECK(!swarm_of(hash));
  CAF_MESSAGE("whoever is still connected may come back");
  announce(0, hello(0, 5));
  CAF_CHECK_EQUAL(directory->peer_count(), 1);
}

CAF_TEST(a socket may not be in any number of swarms) {
  for (size_t i = 0; i < limits::ws_ids_per_socket_max; ++i) {
    auto req = hello(0, 5);
    req.id.bytes[0] = static_cast<uint8_t>(i);
    req.id.bytes[1] = static_cast<uint8_t>(i >> 8);
    req.identity = 1000 + i;
    caf::anon_send(lines[0].peer, req, swarm_of(hash));
    settle();
  }
  lines[0].news();
  announce(0, hello(0, 5));
  std::string refused;
  append_ws_failure(refused, {ws_action::announce, hash, "too many info_hashes on this socket"});
  CAF_CHECK(lines[0].news() == texts{refused});
  CAF_CHECK_EQUAL(directory->peer_count(), int64_t{limits::ws_ids_per_socket_max});
}

CAF_TEST(live counts of the registry include connected peers) {
  auto both = hybrid(0x22, 0x11);
  CAF_REQUIRE(enter(both));
  auto req = hello(0, 0);
  req.swarm = hash20(0x11);
  announce(0, req);
  auto twin = hello(0, 0);
  twin.swarm = both.hashes.primary_swarm();
  announce(0, twin);
  auto late = hello(1, 5);
  late.swarm = hash20(0x11);
  announce(1, late);
  settle();
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 1u);
  CAF_CHECK_EQUAL(seen(both.hashes).leechers, 1u);
  late.event = announce_event::completed;
  late.left = 0;
  announce(1, late);
  announce(1, late);
  settle();
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 2u);
  CAF_CHECK_EQUAL(seen(both.hashes).completions, 1u);
  disconnect_peer(lines[0].peer);
  disconnect_peer(lines[1].peer);
  settle();
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 0u);
  lines[0].ended = lines[1].ended = true;
}

CAF_TEST_FIXTURE_SCOPE_END()
