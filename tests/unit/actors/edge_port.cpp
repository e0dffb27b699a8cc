// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.edge_port

#include "actors/edge_port.hpp"

#include "tests/unit/actors/support/actor_fixture.hpp"

#include <map>

using namespace shoal;
using namespace shoal::test;

namespace {

struct waiter : announce_sink {
  void on_reply(announce_reply* reply) override {
    ++answers;
    if (reply)
      last = *reply;
  }

  int answers = 0;
  std::optional<announce_reply> last;
};

struct scraper : scrape_sink {
  void on_numbers(uint32_t index, const swarm_numbers& numbers) override {
    seeders[index] = numbers.complete;
  }
  void on_scraped() override { ++ends; }

  std::map<uint32_t, uint32_t> seeders;
  int ends = 0;
};

struct fixture : tracker_fixture {
  const info_hash hash = hash20(1);
  int wakes = 0;
  std::unique_ptr<edge_port> port
      = std::make_unique<edge_port>(sys, settings.shards, [this] { ++wakes; });
  waiter one;

  void run_loop() {
    while (port->run()) {
    }
  }

  lean_actor& lean(const swarm_actor& handle) {
    return *static_cast<swarm*>(caf::actor_cast<caf::abstract_actor*>(handle));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(edge_port_tests, fixture)

CAF_TEST(an answer comes back on the loop without the scheduler) {
  port->loop().bind_to_this_thread();
  port->announce(hello(hash, 1, 0), {}, one, mono_time{});
  CAF_CHECK_EQUAL(port->pending(), 1u);
  run_loop();
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
  CAF_CHECK_EQUAL(port->pending(), 0u);
  CAF_CHECK(!sched.has_job());
  CAF_CHECK_EQUAL(wakes, 0);
}

CAF_TEST(another thread wakes the loop) {
  CAF_MESSAGE("the port has not been told its thread so every thread is another one");
  announce(hello(hash, 1, 0));
  auto busy = swarm_of(hash);
  CAF_REQUIRE(lean(busy).begin_turn(&port->loop()));
  port->announce(hello(hash, 2, 0), busy, one, mono_time{});
  run_loop();
  CAF_CHECK_EQUAL(one.answers, 0);
  CAF_CHECK_EQUAL(wakes, 0);
  lean(busy).end_turn();
  CAF_CHECK_EQUAL(wakes, 1);
  while (one.answers == 0 && wakes < 100)
    port->run();
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 2u);
}

CAF_TEST(a scrape ends when all swarms have answered) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  announce(hello(hash20(2), 1, 0));
  announce(hello(hash20(2), 2, 0));
  scraper all;
  std::vector<scraped_swarm> asked{{7, swarm_of(hash)}, {3, swarm_of(hash20(2))}};
  port->scrape(asked, all, mono_time{});
  CAF_CHECK_EQUAL(port->pending(), 1u);
  run_loop();
  CAF_CHECK(all.seeders == (std::map<uint32_t, uint32_t>{{3, 2}, {7, 1}}));
  CAF_CHECK_EQUAL(all.ends, 1);
  CAF_CHECK_EQUAL(port->pending(), 0u);
}

CAF_TEST(a scrape of a dead swarm ends with what the others said) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  announce(hello(hash20(2), 1, 0));
  auto dead = swarm_of(hash20(2));
  kill(dead);
  scraper all;
  std::vector<scraped_swarm> asked{{0, swarm_of(hash)}, {1, dead}};
  mono_time start{};
  port->scrape(asked, all, start);
  run_loop();
  CAF_CHECK_EQUAL(all.ends, 0);
  port->sweep(start + defaults::request_timeout + std::chrono::milliseconds{1});
  CAF_CHECK(all.seeders == (std::map<uint32_t, uint32_t>{{0, 1}}));
  CAF_CHECK_EQUAL(all.ends, 1);
  CAF_CHECK_EQUAL(port->pending(), 0u);
}

CAF_TEST(an announce to a dead swarm is given up on) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  auto dead = swarm_of(hash);
  kill(dead);
  mono_time start{};
  port->announce(hello(hash, 1, 0), dead, one, start);
  run_loop();
  CAF_CHECK_EQUAL(one.answers, 0);
  port->sweep(start + defaults::request_timeout);
  CAF_CHECK_EQUAL(one.answers, 0);
  port->sweep(start + defaults::request_timeout + std::chrono::milliseconds{1});
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(!one.last);
  CAF_CHECK_EQUAL(port->pending(), 0u);
}

CAF_TEST(an answer that comes too late is for nobody) {
  port->loop().bind_to_this_thread();
  mono_time start{};
  announce(hello(hash, 3, 0));
  auto busy = swarm_of(hash);
  CAF_REQUIRE(lean(busy).begin_turn(&port->loop()));
  port->announce(hello(hash, 1, 0), busy, one, start);
  run_loop();
  port->sweep(start + defaults::request_timeout * 2);
  lean(busy).end_turn();
  waiter two;
  port->announce(hello(hash, 2, 0), {}, two, start);
  run_loop();
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(!one.last);
  CAF_CHECK_EQUAL(two.answers, 1);
  CAF_REQUIRE(two.last);
  CAF_CHECK_EQUAL(two.last->complete, 3u);
}

CAF_TEST(two announces for one swarm come in their order) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  waiter two;
  port->announce(hello(hash, 2, 0), swarm_of(hash), one, mono_time{});
  port->announce(hello(hash, 3, 0), swarm_of(hash), two, mono_time{});
  CAF_CHECK_EQUAL(port->pending(), 2u);
  run_loop();
  CAF_REQUIRE(one.last);
  CAF_REQUIRE(two.last);
  CAF_CHECK_EQUAL(one.last->complete, 2u);
  CAF_CHECK_EQUAL(two.last->complete, 3u);
  CAF_CHECK_EQUAL(port->pending(), 0u);
}

CAF_TEST(a swarm that retired during its turn has a successor) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  auto old = swarm_of(hash);
  anon_send(old, atom::evict::value);
  drain();
  CAF_REQUIRE(old != swarm_of(hash));
  port->announce(hello(hash, 2, 0), old, one, mono_time{});
  run_loop();
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
  CAF_CHECK(swarm_of(hash) != old);
}

CAF_TEST(a question to a dead actor is answered with an error) {
  port->loop().bind_to_this_thread();
  kill(registry[0]);
  std::optional<result<search_result>> answer;
  port->ask<search_result>(registry[0], search_query{},
                           [&](result<search_result> x) { answer = std::move(x); });
  run_loop();
  CAF_REQUIRE(answer);
  CAF_REQUIRE(!*answer);
  CAF_CHECK_EQUAL(answer->error().code, ec::unavailable);
}

CAF_TEST(a question that nobody answers is given up on) {
  port->loop().bind_to_this_thread();
  caf::response_promise kept;
  auto silent = sys.spawn([&kept](caf::event_based_actor* me) -> caf::behavior {
    return {[&kept, me](const search_query&) {
      kept = me->make_response_promise();
      return kept;
    }};
  });
  std::vector<result<search_result>> answers;
  port->ask<search_result>(silent, search_query{},
                           [&](result<search_result> x) { answers.push_back(std::move(x)); });
  drain();
  run_loop();
  port->sweep(mono_now());
  CAF_CHECK(answers.empty());
  CAF_CHECK_EQUAL(port->pending(), 1u);
  port->sweep(mono_now() + defaults::request_timeout);
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_REQUIRE(!answers[0]);
  CAF_CHECK_EQUAL(answers[0].error().code, ec::timeout);
  CAF_CHECK_EQUAL(port->pending(), 0u);

  CAF_MESSAGE("the answer comes when the place has gone to somebody else");
  port->announce(hello(hash, 1, 0), swarm_actor{}, one, mono_now());
  kept.deliver(search_result{});
  run_loop();
  CAF_CHECK_EQUAL(answers.size(), 1u);
  CAF_CHECK_EQUAL(one.answers, 1);
}

CAF_TEST(a question that takes long is answered by the scheduler) {
  port->loop().bind_to_this_thread();
  std::optional<result<search_result>> answer;
  port->ask<search_result>(
      registry[0], search_query{}, [&](result<search_result> x) { answer = std::move(x); }, true);
  run_loop();
  CAF_CHECK(!answer);
  drain();
  run_loop();
  CAF_REQUIRE(answer);
  CAF_CHECK(*answer);
}

CAF_TEST(a port may end while answers are due) {
  port->loop().bind_to_this_thread();
  announce(hello(hash, 1, 0));
  auto busy = swarm_of(hash);
  CAF_REQUIRE(lean(busy).begin_turn(&port->loop()));
  port->announce(hello(hash, 2, 0), busy, one, mono_time{});
  port->run();
  lean(busy).end_turn();
  port.reset();
  drain();
  CAF_CHECK_EQUAL(announce(hello(hash, 3, 0)).complete, 3u);
}

CAF_TEST(actors that a loop did not get to run are run by the scheduler) {
  announce(hello(hash, 1, 0));
  {
    loop_unit loop{sys, [] {}};
    loop.bind_to_this_thread();
    auto* before = self->context();
    self->context(&loop);
    self->send(swarm_of(hash), hello(hash, 2, 0), edge);
    self->context(before);
    CAF_CHECK(!sched.has_job());
  }
  drain();
  CAF_CHECK_EQUAL(heard.size(), 2u);
  CAF_CHECK_EQUAL(announce(hello(hash, 3, 0)).complete, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
