// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.web_peers

#include "actors/web_peers.hpp"

#include <caf/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

using namespace shoal;

namespace {

struct fake_line {
  uint64_t number = 0;

  const fake_line* operator->() const { return this; }
  uint64_t id() const { return number; }
};

using table = web_peers<fake_line>;

constexpr auto leecher = peer_state::leecher;
constexpr auto seeder = peer_state::seeder;
constexpr auto partial = peer_state::partial;

table::visitor visitor(uint64_t identity, peer_state state = leecher, uint64_t line = 0) {
  table::visitor who;
  who.identity = identity;
  std::memcpy(who.id.bytes.data(), &identity, sizeof(identity));
  who.state = state;
  who.line = {line == 0 ? identity : line};
  who.deadline = 100;
  return who;
}

struct fixture {
  table peers;
  std::vector<peer_change> changes;

  bool enter(uint64_t identity, peer_state state = leecher, uint64_t line = 0,
             bool listed = false) {
    return peers.enter(visitor(identity, state, line), listed, &changes);
  }

  std::vector<peer_change> news() { return std::exchange(changes, {}); }

  /// Whom an asker would send its offers to.
  std::set<uint64_t> chosen(const table::visitor& asker, size_t wanted, uint64_t random = 1) {
    std::set<uint64_t> all;
    size_t calls = 0;
    peers.choose(asker, wanted, random, [&](const table::visitor& to) {
      ++calls;
      all.insert(to.line.number);
    });
    CAF_CHECK_EQUAL(all.size(), calls);
    return all;
  }
};

using to = peer_change::to;
using list = std::vector<peer_change>;
using lines = std::set<uint64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(web_peers_tests, fixture)

CAF_TEST(peers come and change and go) {
  CAF_CHECK(enter(1));
  CAF_CHECK(enter(2, seeder));
  CAF_CHECK(enter(3, partial));
  CAF_CHECK(news() == (list{{1, to::leecher}, {2, to::seeder}, {3, to::leecher}}));
  CAF_CHECK((peers.counts() == swarm_counts{1, 2, 1, 0}));
  enter(1, seeder);
  enter(3, leecher);
  CAF_CHECK(news() == (list{{1, to::seeder}}));
  CAF_CHECK((peers.counts() == swarm_counts{2, 1, 1, 0}));
  CAF_CHECK(peers.leave(2, 2, &changes));
  CAF_CHECK(!peers.leave(2, 2, &changes));
  CAF_CHECK(!peers.leave(1, 77, &changes));
  CAF_CHECK(news() == (list{{2, to::gone}}));
  CAF_CHECK((peers.counts() == swarm_counts{1, 1, 1, 0}));
}

CAF_TEST(a peer on several lines counts once and stays until the last one ends) {
  enter(1, leecher, 10);
  enter(1, leecher, 11);
  CAF_CHECK_EQUAL(peers.visitors(), 2u);
  CAF_CHECK((peers.counts() == swarm_counts{0, 1, 1, 0}));
  enter(1, seeder, 11);
  CAF_CHECK((peers.counts() == swarm_counts{1, 0, 0, 0}));
  CAF_CHECK(news() == (list{{1, to::leecher}, {1, to::seeder}}));
  peers.leave(1, 10, &changes);
  CAF_CHECK(news().empty());
  peers.leave(1, 11, &changes);
  CAF_CHECK(news() == (list{{1, to::gone}}));
  CAF_CHECK(peers.empty());
}

CAF_TEST(who counts in the peer table does not count here) {
  enter(1, leecher, 0, true);
  CAF_CHECK(news().empty());
  CAF_CHECK((peers.counts() == swarm_counts{}));
  CAF_MESSAGE("it leaves the table, but is still connected");
  list table_says{{1, to::gone}, {9, to::gone}};
  peers.merge(table_says);
  CAF_CHECK(table_says == (list{{1, to::leecher}, {9, to::gone}}));
  CAF_CHECK((peers.counts() == swarm_counts{0, 1, 1, 0}));
  CAF_MESSAGE("and comes back to it");
  table_says = {{1, to::seeder}};
  peers.merge(table_says);
  CAF_CHECK(table_says == (list{{1, to::seeder}}));
  CAF_CHECK((peers.counts() == swarm_counts{}));
  peers.leave(1, 1, &changes);
  CAF_CHECK(news().empty());
}

CAF_TEST(offers go to others and to each only once) {
  for (uint64_t i = 1; i <= 10; ++i)
    enter(i);
  for (uint64_t random = 0; random < 200; ++random) {
    auto some = chosen(visitor(3), 4, mix_bits(random));
    CAF_CHECK_EQUAL(some.size(), 4u);
    CAF_CHECK(!some.count(3));
  }
  CAF_CHECK_EQUAL(chosen(visitor(3), 50).size(), 9u);
  CAF_CHECK(chosen(visitor(3), 0).empty());
}

CAF_TEST(nobody is offered itself on another line or under another id) {
  enter(1, leecher, 10);
  enter(1, leecher, 11);
  enter(2, leecher, 10);
  enter(3, leecher, 12);
  CAF_CHECK(chosen(visitor(1, leecher, 10), 5) == (lines{12}));
  CAF_CHECK(chosen(visitor(2, leecher, 10), 5) == (lines{11, 12}));
}

CAF_TEST(offers of seeds go to leechers only) {
  enter(1);
  enter(2, seeder);
  enter(3, partial);
  enter(4, seeder);
  CAF_CHECK(chosen(visitor(2, seeder), 5) == (lines{1}));
  CAF_CHECK(chosen(visitor(3, partial), 5) == (lines{1}));
  CAF_CHECK(chosen(visitor(1), 5) == (lines{2, 3, 4}));
}

CAF_TEST(everybody is chosen about as often as anybody else) {
  constexpr uint64_t members = 37;
  for (uint64_t i = 1; i <= members; ++i)
    enter(i, i % 3 == 0 ? seeder : leecher);
  std::map<uint64_t, size_t> times;
  for (uint64_t round = 0; round < 20'000; ++round)
    for (auto line : chosen(visitor(1), 5, mix_bits(round)))
      ++times[line];
  CAF_CHECK_EQUAL(times.size(), members - 1);
  for (auto& [line, n] : times) {
    CAF_CHECK_GREATER(n, 20'000u * 5 / (members - 1) * 8 / 10);
    CAF_CHECK_LESS(n, 20'000u * 5 / (members - 1) * 12 / 10);
  }
}

CAF_TEST(silent visitors are forgotten) {
  enter(1);
  auto late = visitor(2, seeder);
  late.deadline = 101;
  peers.enter(late, false, &changes);
  news();
  CAF_CHECK_EQUAL(peers.expire(99, &changes), 0u);
  CAF_CHECK_EQUAL(peers.expire(100, &changes), 1u);
  CAF_CHECK(news() == (list{{1, to::gone}}));
  CAF_CHECK_EQUAL(peers.expire(101, &changes), 1u);
  CAF_CHECK(peers.empty());
}

CAF_TEST(a completion counts once per peer) {
  enter(1, leecher, 10);
  enter(1, leecher, 11);
  CAF_CHECK(peers.complete(1));
  CAF_CHECK(!peers.complete(1));
  CAF_CHECK(!peers.complete(2));
}

CAF_TEST(a full table takes nobody more but keeps whom it has) {
  for (uint64_t i = 1; i <= limits::ws_peers_per_swarm_max; ++i)
    CAF_REQUIRE(peers.enter(visitor(i), false, nullptr));
  CAF_CHECK(!enter(limits::ws_peers_per_swarm_max + 1));
  CAF_CHECK(news().empty());
  CAF_CHECK(enter(5, seeder));
  CAF_CHECK_EQUAL(peers.counts().seeders, 1u);
}

CAF_TEST(any history leaves what a plain model says) {
  std::map<std::pair<uint64_t, uint64_t>, peer_state> model; // (identity, line)
  std::map<uint64_t, peer_state> last;
  std::mt19937 random{7};
  for (size_t step = 0; step < 20'000; ++step) {
    uint64_t identity = 1 + random() % 60;
    uint64_t line = 100 + random() % 3 + 10 * identity;
    if (random() % 5 < 3) {
      auto state = peer_state(random() % 3);
      enter(identity, state, line);
      model[{identity, line}] = state;
      last[identity] = state;
    } else {
      auto was = model.erase({identity, line}) > 0;
      CAF_CHECK_EQUAL(peers.leave(identity, line, &changes), was);
      auto next = model.lower_bound({identity, 0});
      if (next == model.end() || next->first.first != identity)
        last.erase(identity);
    }
    if (step % 50 != 0)
      continue;
    swarm_counts want;
    for (auto& [who, state] : last) {
      want.seeders += state == seeder ? 1 : 0;
      want.leechers += state == seeder ? 0 : 1;
      want.downloaders += state == leecher ? 1 : 0;
    }
    CAF_CHECK(peers.counts() == want);
    CAF_CHECK_EQUAL(peers.visitors(), model.size());
    lines leechers;
    for (auto& [who, state] : model)
      if (state == leecher)
        leechers.insert(who.second);
    CAF_CHECK(chosen(visitor(1000, seeder), 1000) == leechers);
  }
  std::map<uint64_t, to> told;
  for (auto& change : changes)
    told[change.identity] = change.state;
  for (auto& [identity, state] : told) {
    auto known = last.find(identity);
    auto want = known == last.end() ? to::gone : known->second == seeder ? to::seeder : to::leecher;
    CAF_CHECK(state == want);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
