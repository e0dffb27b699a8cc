// SPDX-License-Identifier: Apache-2.0
// Real sessions over connections that are slow, arrive in pieces, hang and break.
#define CAF_SUITE cluster.link_traffic

#include "tests/unit/cluster/support/link_world.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::literals;

namespace {

const std::vector<std::string> nodes{"a", "b", "c"};

struct storm : link_world {
  explicit storm(uint64_t seed) : link_world{seed, plan_of(seed)} {
    for (auto& node : nodes)
      start(identity(node));
    for (auto& node : nodes)
      net.find(node)->follow(all());
  }

  static sim::wire_plan plan_of(uint64_t seed) {
    sim::wire_plan plan;
    if (seed % 3 == 0)
      plan.piece_bytes_max = 7'000;
    if (seed % 4 == 0)
      plan.bytes_per_second = 300'000; // Slower than what is asked.
    if (seed % 5 == 0)
      plan.delay_max = 200ms;
    return plan;
  }

  static std::vector<link_peer> all() {
    std::vector<link_peer> peers;
    for (auto& node : nodes)
      peers.push_back({node, 1, {node}});
    return peers;
  }

  const std::string& some() { return nodes[time.random.below(nodes.size())]; }

  void act() {
    auto& from = some();
    auto to = some();
    if (to == from)
      to = from == "a" ? "b" : "a";
    auto kind = static_cast<manner>(1 + time.random.below(static_cast<uint64_t>(last_manner)));
    auto large = kind == manner::inflates || kind == manner::overflows;
    for (auto n = time.random.below(large ? 3 : 20); n > 0; --n)
      ask(from, to, kind, time.random.between(1ms, 8s), some_size());
    check_bounds(from);
  }

  void trouble() {
    auto& a = some();
    auto& b = some();
    switch (time.random.below(4)) {
    case 0:
      return net.cut(a, b, false);
    case 1:
      return net.cut(a, b, true);
    case 2:
      net.block(a, b, true);
      return time.after(time.random.between(1ms, 6s), [this, a, b] { net.block(a, b, false); });
    default:
      net.find(a)->pause(true);
      return time.after(time.random.between(1ms, 6s), [this, a] { net.find(a)->pause(false); });
    }
  }

  void run(sim::duration length) {
    auto end = time.now() + length;
    while (time.now() < end) {
      time.run_for(time.random.between(1ms, 100ms));
      act();
      if (time.random.chance(20))
        trouble();
    }
    time.run_for(90s); // Longer than any deadline.
    check_end(nodes);
  }
};

/// More with SHOAL_LINK_SEEDS=N.
uint64_t seeds() {
  auto* text = std::getenv("SHOAL_LINK_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : 10;
}

} // namespace

CAF_TEST(whatever happens every request has one outcome and no credit leaks) {
  std::map<std::string, uint64_t> results;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    storm world{seed};
    world.run(60s);
    for (auto& [what, n] : world.results)
      results[what] += n;
    if (!world.violations.empty())
      CAF_FAIL("seed " << seed << ": " << world.violations.front());
  }
  for (auto what : {"answered", "not_found", "timeout", "unavailable", "busy"}) {
    CAF_MESSAGE(what << ' ' << results[what]);
    CAF_CHECK_GREATER(results[what], 0u);
  }
}

CAF_TEST(a link that nobody disturbs carries messages for minutes) {
  storm world{2};
  world.time.run_for(2s);
  for (int i = 0; i < 20'000; ++i) {
    world.ask("b", "a", manner::echoes, 5s);
    world.ask("a", "b", manner::notes, 5s);
    if (i % 50 == 0)
      world.time.run_for(1s);
  }
  world.time.run_for(10s);
  world.check_end(nodes);
  CAF_CHECK(world.violations.empty());
  CAF_CHECK_EQUAL(world.results["answered"], 20'000u);
  auto numbers = world.net.find("a")->core.numbers();
  CAF_REQUIRE_EQUAL(numbers.size(), 2u);
  CAF_CHECK_GREATER(numbers[0].round_trip.count(), 0);
  CAF_CHECK_GREATER(numbers[0].bytes_in, 500'000u);
}

CAF_TEST(a node that answers nothing takes no more than its window and slows nobody) {
  storm world{2};
  world.time.run_for(2s);
  for (int i = 0; i < 3000; ++i) {
    world.ask("c", "a", manner::keeps, 30s, 4000);
    world.ask("c", "b", manner::echoes, 1s);
    if (i % 100 == 0)
      world.time.run_for(50ms);
    world.check_bounds("c");
  }
  world.time.run_for(1s);
  CAF_CHECK_EQUAL(world.results["answered"], 3000u);
  CAF_CHECK_GREATER(world.results["busy"], 0u);
  for (auto& x : world.net.find("c")->core.numbers())
    if (x.node == "a") {
      CAF_CHECK_LESS(x.credit_bytes, limits::link_body_bytes_max + 64);
    } else {
      CAF_CHECK_EQUAL(x.pending, 0u);
    }
  world.time.run_for(90s);
  world.check_end(nodes);
  CAF_CHECK(world.violations.empty());
}

CAF_TEST(what was not sent is told apart from what may have arrived) {
  storm world{2};
  world.time.run_for(2s);
  world.net.block("b", "a", true);
  world.ask("b", "a", manner::echoes, 30s);
  world.time.run_for(1s);
  CAF_CHECK(world.results.empty());
  world.net.cut("a", "b", false);
  world.time.run_for(20ms);
  CAF_CHECK_EQUAL(world.results["timeout"], 1u);
  world.ask("b", "a", manner::echoes, 30s);
  world.time.run_for(20ms);
  CAF_CHECK_EQUAL(world.results["unavailable"], 1u);
}

CAF_TEST(what an older node does not know is neither said nor heard) {
  storm world{3};
  auto since = [](uint16_t kind) -> uint32_t {
    return kind == static_cast<uint16_t>(manner::echoes_late)
                   || kind == static_cast<uint16_t>(manner::notes)
               ? 2
               : 1;
  };
  world.net.find("b")->core.tell_versions(since);
  world.time.run_for(2s);
  world.ask("b", "a", manner::echoes_late, 5s);
  world.ask("b", "a", manner::notes, 5s);
  world.ask("b", "a", manner::echoes, 5s);
  world.time.run_for(5s);
  CAF_CHECK_EQUAL(world.results["unsupported"], 1u);
  CAF_CHECK_EQUAL(world.results["answered"], 1u);
  CAF_CHECK_EQUAL(world.net.find("b")->core.totals().dropped_notices, 1u);
  CAF_MESSAGE("a node that says it all the same is not understood");
  world.ask("a", "b", manner::echoes_late, 5s);
  world.ask("a", "b", manner::notes, 5s);
  world.time.run_for(5s);
  CAF_CHECK_EQUAL(world.results["unsupported"], 2u);
  auto answered = world.last_number - 2; // Of b and a: the third request was done.
  CAF_CHECK(world.requests[answered].done);
  CAF_CHECK(!world.requests[world.last_number].done);
}

CAF_TEST(a node that is silent is gone after three seconds) {
  storm world{2};
  world.time.run_for(2s);
  CAF_CHECK_EQUAL(world.net.find("b")->core.numbers().size(), 2u);
  world.ask("b", "a", manner::keeps, 30s);
  world.time.run_for(100ms);
  world.net.find("a")->pause(true);
  world.time.run_for(2s);
  CAF_CHECK_EQUAL(world.net.find("b")->core.numbers().size(), 2u);
  world.time.run_for(1500ms);
  CAF_CHECK_EQUAL(world.net.find("b")->core.numbers().size(), 1u);
  CAF_CHECK_EQUAL(world.results["timeout"], 1u);
  world.net.find("a")->pause(false);
  world.time.run_for(10s);
  CAF_CHECK_EQUAL(world.net.find("b")->core.numbers().size(), 2u);
}

CAF_TEST(what a handler says or does not say never means that nothing was done) {
  storm world{2};
  world.time.run_for(2s);
  for (auto kind : {manner::forgets, manner::says_busy, manner::overflows}) {
    world.ask("b", "a", kind, 5s);
    world.ask("b", "a", kind, 5s);
  }
  world.time.run_for(1s);
  CAF_CHECK_EQUAL(world.results["timeout"], 6u);
  CAF_MESSAGE("unless it says that it has done nothing");
  world.ask("b", "a", manner::turns_away, 5s);
  world.time.run_for(1s);
  CAF_CHECK_EQUAL(world.results["busy"], 1u);
  world.check_end(nodes);
  CAF_CHECK(world.violations.empty());
}

CAF_TEST(answers for which there is no room are not taken for requests that were not done) {
  storm world{2};
  world.time.run_for(2s);
  world.net.block("a", "b", true);
  for (int i = 0; i < 40; ++i)
    world.ask("b", "a", manner::inflates, 30s);
  world.time.run_for(100ms);
  world.net.block("a", "b", false);
  world.time.run_for(10s);
  CAF_CHECK_GREATER(world.results["answered"], 3u);
  CAF_CHECK_GREATER(world.results["timeout"], 3u);
  CAF_CHECK_EQUAL(world.results["answered"] + world.results["timeout"], 40u);
  world.check_end(nodes);
  CAF_CHECK(world.violations.empty());
}

CAF_TEST(what is asked when its deadline has passed is not sent) {
  storm world{2};
  world.time.run_for(2s);
  world.ask("b", "a", manner::echoes, 0s);
  world.time.run_for(1s);
  CAF_CHECK_EQUAL(world.results["unavailable"], 1u);
  CAF_MESSAGE("and what comes when it has passed reaches no handler");
  auto stranger = world.net.find("a")->core.accepted({true, {"b"}});
  std::string bytes;
  encode(link_hello{"test", "b", "a", 1, 7, 1000, limits::link_window_bytes, 1, 1}, bytes);
  encode(link_heartbeat{1, false}, bytes);
  encode(link_request{1, 0, static_cast<uint16_t>(manner::echoes), "1 x"}, bytes);
  stranger->received(bytes, world.time.now());
  CAF_CHECK(stranger->is_up());
  CAF_CHECK(!world.requests[1].done);
  CAF_CHECK_EQUAL(stranger->numbers().open, 0u);
  stranger->lost({ec::unavailable, "the test ends"});
}

CAF_TEST(late answers are dropped and counted) {
  storm world{2};
  world.time.run_for(2s);
  world.ask("b", "a", manner::echoes, 1ms);
  world.ask("b", "a", manner::keeps, 100ms);
  world.time.run_for(5s);
  CAF_CHECK_EQUAL(world.results["timeout"], 2u);
  uint64_t late = 0;
  for (auto& x : world.net.find("b")->core.numbers())
    late += x.late_answers;
  CAF_CHECK_EQUAL(late, 1u);
  world.kept.clear(); // Answers once more, to nobody.
  world.time.run_for(1s);
  world.check_end(nodes);
  CAF_CHECK(world.violations.empty());
}
