// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.edge_relay

#include "actors/edge_relay.hpp"

#include "core/defaults.hpp"
#include "protocol/link_announce.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/wired_links.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

mono_time virtual_now = mono_now();
mono_time clock_now() {
  return virtual_now;
}

struct waiter : announce_sink {
  void on_reply(announce_reply* reply) override {
    ++answers;
    last = reply ? std::optional{*reply} : std::nullopt;
  }

  int answers = 0;
  std::optional<announce_reply> last;
};

struct scraper : scrape_sink {
  void on_numbers(uint32_t index, const swarm_numbers& numbers) override {
    complete[index] = numbers.complete;
  }
  void on_scraped() override { ++ends; }

  std::map<uint32_t, uint32_t> complete;
  int ends = 0;
};

/// A node's edge and what it needs, beside the swarms of `config`.
struct node_side {
  node_side(caf::actor_system& sys, wired_links::net& net, std::string name, swarm_config& config)
      : routes{name}, between{net, std::move(name)}, hub{between, routes, false, numbers},
        port{sys, config.shards, [] {}} {
    port.loop().bind_to_this_thread();
    port.join(*config.directory, hub);
  }

  /// @returns whether there was anything to do.
  bool run() { return port.run(clock_now); }

  /// Says who owns all slots and who stands by, and that everybody can be reached.
  void route(const std::string& owner, const std::string& standby) {
    for (size_t slot = 0; slot < slot_count; ++slot) {
      routes.set_route(slot, {routes.number_of(owner), routes.number_of(standby)});
      routes.set_epoch(slot, routes.number_of(owner) == cluster::this_node ? 1 : 0);
    }
    for (auto& one : {owner, standby})
      routes.set_reachable(routes.number_of(one), true);
    routes.set_lease_end(virtual_now + 1h);
  }

  cluster::slot_routes routes;
  metrics::registry numbers;
  wired_links between;
  relay_hub hub;
  edge_port port;
};

/// A has clients, B owns all slots, C stands by.
struct fixture : tracker_fixture {
  fixture() {
    virtual_now = mono_now(); // Links look at the real clock.
    for (auto* side : {&a, &b, &c})
      side->route("b", "c");
  }

  ~fixture() override {
    for (size_t slot = 0; slot < slot_count; ++slot)
      for (auto& swarm : standby_directory.swarms_in(slot))
        kill(swarm);
    for (auto& slot : standby_settings.shards)
      slot = nullptr;
  }

  void run() {
    for (int quiet = 0; quiet < 3; ++quiet)
      for (auto* side : {&a, &b, &c})
        if (side->run())
          quiet = 0;
  }

  void pass(mono_time::duration time) {
    virtual_now += time;
    run();
  }

  void say(waiter& who, uint8_t n, uint64_t left = 0) {
    a.port.announce(hello(hash, n, left), {}, who, virtual_now);
    run();
  }

  const info_hash hash = hash20(1);
  swarm_directory standby_directory;
  swarm_config standby_settings;
  bool prepared = prepare();
  wired_links::net net;
  node_side b{sys, net, "b", settings};
  node_side c{sys, net, "c", standby_settings};
  node_side a{sys, net, "a", standby_settings};
  waiter one;

private:
  bool prepare() {
    standby_settings.peers.private_network = true;
    interval_config exact;
    exact.jitter_percent = 0;
    standby_settings.intervals.configure(exact);
    standby_settings.peers.clients = &standby_settings.clients;
    standby_settings.directory = &standby_directory;
    standby_settings.accounts = booking;
    standby_settings.registry_of = settings.registry_of;
    standby_settings.now = settings.now;
    for (auto& slot : standby_settings.shards)
      slot = track(sys.spawn<shard, caf::lazy_init>(&standby_settings));
    drain();
    return true;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(edge_relay_tests, fixture)

CAF_TEST(the owner answers a client of another node) {
  announce(hello(hash, 1, 0));
  say(one, 2, 7);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
  CAF_CHECK_EQUAL(one.last->incomplete, 1u);
  CAF_CHECK_EQUAL(one.last->peers4.size(), 6u);
  CAF_CHECK_EQUAL(a.port.pending(), 0u);
  CAF_CHECK(!standby_directory.lookup(hash).swarm);
  CAF_CHECK(a.port.is_elsewhere(hash));
  CAF_CHECK(!b.port.is_elsewhere(hash));
}

CAF_TEST(what comes in one turn goes in few messages and each client gets its own answer) {
  std::vector<waiter> many(3000);
  for (size_t i = 0; i < many.size(); ++i) {
    auto req = hello(hash, static_cast<uint8_t>(i % 250), 0);
    req.swarm.bytes[5] = static_cast<uint8_t>(i / 250); // Twelve swarms with 250 peers.
    a.port.announce(std::move(req), {}, many[i], virtual_now);
  }
  run();
  for (size_t i = 0; i < many.size(); ++i) {
    CAF_REQUIRE(many[i].last);
    CAF_CHECK_EQUAL(many[i].last->complete, i % 250 + 1);
  }
  CAF_CHECK_EQUAL(b.between.messages, 3u);
  CAF_CHECK_LESS(a.between.messages, 20u);
}

CAF_TEST(the standby answers when the owner hangs and the owner again when it is back) {
  b.between.deaf = true;
  say(one, 1);
  CAF_CHECK_EQUAL(one.answers, 0);
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_REQUIRE(one.last);
  CAF_CHECK(standby_directory.lookup(hash).swarm);
  CAF_MESSAGE("nobody else waits for it");
  say(one, 2);
  CAF_CHECK_EQUAL(one.answers, 2);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 2u);
  CAF_MESSAGE("one that tries it waits and is answered all the same");
  virtual_now += defaults::relay_probe_period;
  say(one, 3);
  CAF_CHECK_EQUAL(one.answers, 2);
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 3);
  b.between.deaf = false;
  virtual_now += defaults::relay_probe_period;
  say(one, 4);
  CAF_CHECK_EQUAL(one.answers, 4);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
}

CAF_TEST(a completion is counted by one node however many are asked) {
  auto completed = [this](uint8_t n) {
    auto req = hello(hash, n, 0);
    req.event = announce_event::completed;
    a.port.announce(std::move(req), {}, one, virtual_now);
    run();
  };
  b.between.deaf = true;
  completed(1);
  CAF_CHECK_EQUAL(one.answers, 0);
  pass(defaults::relay_patience);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
  CAF_CHECK_EQUAL(one.last->downloaded, 0u); // The owner may have done it, and be slow.
  CAF_MESSAGE("what only the standby was asked for is counted there");
  completed(2);
  CAF_CHECK_EQUAL(one.answers, 2);
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->downloaded, 1u);
}

CAF_TEST(a link that breaks sends what waits to the standby at once) {
  b.between.deaf = true;
  say(one, 1);
  a.routes.set_reachable(a.routes.number_of("b"), false);
  run();
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(one.last);
}

CAF_TEST(without owner and standby there is an answer without peers) {
  a.routes.set_reachable(a.routes.number_of("b"), false);
  a.routes.set_reachable(a.routes.number_of("c"), false);
  say(one, 1);
  CAF_CHECK_EQUAL(one.answers, 0); // A link may be about to come up.
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(!one.last);
  CAF_MESSAGE("the same when those who are linked say nothing for too long");
  a.route("b", "c");
  b.between.deaf = c.between.deaf = true;
  say(one, 1);
  pass(defaults::request_timeout + 1ms);
  a.port.sweep(virtual_now);
  CAF_CHECK_EQUAL(one.answers, 2);
  CAF_CHECK(!one.last);
  CAF_CHECK_EQUAL(a.port.pending(), 0u);
}

CAF_TEST(an announce that comes before the links waits for them a little) {
  a.routes.set_reachable(a.routes.number_of("b"), false);
  a.routes.set_reachable(a.routes.number_of("c"), false);
  say(one, 1);
  pass(defaults::relay_patience / 2);
  CAF_CHECK_EQUAL(one.answers, 0);
  a.routes.set_reachable(a.routes.number_of("b"), true);
  run();
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(one.last);
}

CAF_TEST(an answer that is late is for nobody) {
  say(one, 1);
  b.between.deaf = true;
  say(one, 2);
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 2);
  std::string late;
  link_answer second;
  for (uint32_t ticket : {0u, 1u, 2u, 1u << 24}) {
    second.ticket = ticket;
    append_link_answer(late, second);
  }
  b.between.tell("a", link_kind::answers, late);
  run();
  CAF_CHECK_EQUAL(one.answers, 2);
}

CAF_TEST(a node that has the swarm no more says so and the new owner is asked) {
  for (size_t slot = 0; slot < slot_count; ++slot) {
    b.routes.set_route(slot, {b.routes.number_of("c"), cluster::nobody});
    c.routes.set_route(slot, {cluster::this_node, cluster::nobody});
    c.routes.set_epoch(slot, 2);
  }
  a.port.announce(hello(hash, 1, 0), {}, one, virtual_now);
  for (int i = 0; i < 20; ++i)
    for (auto* side : {&a, &b, &c})
      side->run();
  CAF_CHECK_EQUAL(one.answers, 0);
  for (size_t slot = 0; slot < slot_count; ++slot)
    a.routes.set_route(slot, {a.routes.number_of("c"), cluster::nobody});
  pass(defaults::relay_reminder_period);
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(one.last);
}

CAF_TEST(the standby answers when a hand over does not end) {
  for (size_t slot = 0; slot < slot_count; ++slot)
    b.routes.set_epoch(slot, 0);
  a.port.announce(hello(hash, 1, 0), {}, one, virtual_now);
  for (int i = 0; i < 20; ++i)
    for (auto* side : {&a, &b, &c})
      side->run();
  CAF_CHECK_EQUAL(one.answers, 0);
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(one.last);
  CAF_MESSAGE("clients of the owner need not wait for longer either");
  b.port.announce(hello(hash, 2, 0), {}, one, virtual_now);
  b.run();
  CAF_CHECK_EQUAL(one.answers, 1);
  pass(defaults::relay_patience);
  CAF_CHECK_EQUAL(one.answers, 2);
  CAF_CHECK(one.last);
}

CAF_TEST(an announce that meets a hand over waits for its end) {
  for (size_t slot = 0; slot < slot_count; ++slot) {
    a.routes.set_route(slot, {cluster::this_node, a.routes.number_of("b")});
    a.routes.set_epoch(slot, 0);
  }
  a.port.announce(hello(hash, 1, 0), {}, one, virtual_now);
  a.run();
  a.run();
  CAF_CHECK_EQUAL(one.answers, 0);
  CAF_CHECK_EQUAL(a.port.pending(), 1u);
  for (size_t slot = 0; slot < slot_count; ++slot)
    a.routes.set_route(slot, {a.routes.number_of("b"), cluster::this_node});
  run();
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(swarm_of(hash));
}

CAF_TEST(a scrape asks each owner once and the standby if that one is silent) {
  announce(hello(hash, 1, 0));
  announce(hello(hash20(2), 1, 0));
  announce(hello(hash20(2), 2, 0));
  scraper all;
  std::vector<scraped_swarm> asked{{0, {}, hash}, {1, {}, hash20(2)}, {2, {}, hash20(3)}};
  a.port.scrape(asked, all, virtual_now);
  run();
  CAF_CHECK(all.complete == (std::map<uint32_t, uint32_t>{{0, 1}, {1, 2}, {2, 0}}));
  CAF_CHECK_EQUAL(all.ends, 1);
  CAF_CHECK_EQUAL(b.between.messages, 1u);
  b.between.deaf = true; // Drops the question, which the links answer with an error.
  scraper rest;
  a.port.scrape(asked, rest, virtual_now);
  run();
  CAF_CHECK_EQUAL(rest.ends, 1);
  CAF_CHECK_EQUAL(rest.complete[1], 0u);
}

CAF_TEST(an edge that is gone is not woken any more) {
  int wakes = 0;
  relay_inbox inbox{[&] { ++wakes; }};
  CAF_CHECK(inbox.put({}));
  inbox.waiting = 1;
  inbox.poke();
  CAF_CHECK_EQUAL(wakes, 2);
  inbox.close();
  inbox.poke();
  CAF_CHECK(!inbox.put({}));
  CAF_CHECK_EQUAL(wakes, 2);
  CAF_CHECK(inbox.take().empty());
}

CAF_TEST(what does not decode disturbs nobody) {
  for (auto kind : {link_kind::announces, link_kind::answers})
    b.between.tell("a", kind, "\xff garbage that is long enough to be looked at");
  result<std::string> answer = std::string{};
  b.between.call("a", link_kind::scrapes, "x", mono_now() + 1h,
                 [&](result<std::string> x) { answer = std::move(x); });
  run();
  CAF_CHECK_EQUAL(a.hub.metrics().dropped.value(), 2u);
  CAF_CHECK(!answer);
  say(one, 1);
  CAF_CHECK(one.last);
}

CAF_TEST_FIXTURE_SCOPE_END()
