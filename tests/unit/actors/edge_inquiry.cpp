// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.edge_inquiry

#include "actors/edge_inquiry.hpp"

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct waiter : announce_sink {
  void on_reply(announce_reply* reply) override {
    ++answers;
    last = reply ? std::optional{*reply} : std::nullopt;
  }
  void on_unregistered() override { ++refusals; }

  int answers = 0;
  int refusals = 0;
  std::optional<announce_reply> last;
};

struct fixture : tracker_fixture {
  fixture() {
    port.loop().bind_to_this_thread();
    port.doubt(desk);
  }

  void run() {
    for (int quiet = 0; quiet < 3; ++quiet) {
      drain();
      if (port.run())
        quiet = 0;
    }
  }

  uint64_t ended(inquiry_outcome how) { return desk.ended[static_cast<size_t>(how)]->value(); }

  registry_shard_actor find(const info_hash& hash) const {
    return all_gone ? nowhere : registry[registry_shard_of(hash)];
  }

  void say(const info_hash& swarm) {
    CAF_REQUIRE(port.inquiry());
    port.inquiry()->announce(hello(swarm, 1, 0), one);
    run();
  }

  metrics::registry numbers;
  bool all_gone = false;
  inquiry_desk desk{*directory, [this](auto& hash) { return find(hash); }, numbers};
  registry_shard_actor nowhere;
  edge_port port{sys, settings.shards, [] {}};
  waiter one;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(edge_inquiry_tests, fixture)

CAF_TEST(without a desk nothing is in doubt) {
  edge_port alone{sys, settings.shards, [] {}};
  alone.loop().bind_to_this_thread();
  CAF_CHECK(alone.inquiry() == nullptr);
}

CAF_TEST(what is registered after all is announced to) {
  auto entry = hybrid(0x22, 0x11);
  CAF_REQUIRE(enter(entry));
  say(entry.hashes.primary_swarm());
  CAF_REQUIRE(one.last);
  CAF_CHECK_EQUAL(one.last->complete, 1u);
  CAF_CHECK_EQUAL(one.refusals, 0);
  CAF_CHECK_EQUAL(ended(inquiry_outcome::registered), 1u);
}

CAF_TEST(what is not registered is refused) {
  say(hash20(7));
  CAF_CHECK_EQUAL(one.answers, 0);
  CAF_CHECK_EQUAL(one.refusals, 1);
  CAF_CHECK(!swarm_of(hash20(7)));
  CAF_CHECK_EQUAL(ended(inquiry_outcome::unregistered), 1u);
}

CAF_TEST(when nobody knows the client is answered without peers) {
  all_gone = true;
  nowhere = sys.spawn<registry_shard>(0u, &registry_settings);
  kill(nowhere);
  say(hash20(7));
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(!one.last);
  CAF_CHECK_EQUAL(one.refusals, 0);
  CAF_CHECK_EQUAL(ended(inquiry_outcome::unknown), 1u);
}

CAF_TEST(a hash is asked for once at a time whoever waits for it) {
  for (int n = 0; n < 3; ++n)
    port.inquiry()->announce(hello(hash20(7), 1, 0), one);
  CAF_CHECK_EQUAL(port.pending(), 1u);
  run();
  CAF_CHECK_EQUAL(one.refusals, 3);
  CAF_CHECK_EQUAL(ended(inquiry_outcome::unregistered), 2u);
  CAF_CHECK(port.inquiry()->has_room(hash20(7)));
}

CAF_TEST(nobody is refused by an answer that is older than the question) {
  auto entry = hybrid(0x22, 0x11);
  auto swarm = entry.hashes.primary_swarm();
  swarm_directory copy; // It never hears of the entry.
  metrics::registry counters;
  inquiry_desk lagging{copy, desk.registry_of, counters};
  port.doubt(lagging);
  waiter late;
  port.inquiry()->announce(hello(swarm, 1, 0), one);
  auto entered = post(registry[registry_shard_of(swarm)], register_entry{entry});
  port.inquiry()->announce(hello(swarm, 2, 0), late);
  run(); // The first question, the entry, the second question.
  CAF_CHECK(collect<registry_entry>(std::move(entered)));
  CAF_CHECK_EQUAL(one.refusals, 1);
  CAF_CHECK_EQUAL(late.refusals, 0);
  CAF_CHECK_EQUAL(late.answers, 1);
}

CAF_TEST(beyond a bound nothing else is asked) {
  auto number = [](size_t n) {
    auto made = hash20(static_cast<uint8_t>(n));
    made.bytes[19] = static_cast<uint8_t>(n >> 8);
    return made;
  };
  for (size_t n = 0; n < limits::edge_inquiries_max; ++n) {
    CAF_REQUIRE(port.inquiry()->has_room(number(n)));
    port.inquiry()->announce(hello(number(n), 1, 0), one);
  }
  CAF_CHECK(!port.inquiry()->has_room(number(limits::edge_inquiries_max)));
  CAF_CHECK_EQUAL(desk.shed.value(), 1u);
  CAF_CHECK(port.inquiry()->has_room(number(0)));
  run();
  CAF_CHECK(port.inquiry()->has_room(number(limits::edge_inquiries_max)));
  CAF_CHECK_EQUAL(one.refusals, static_cast<int>(limits::edge_inquiries_max));
}

CAF_TEST(who waits for one hash is bounded too) {
  for (size_t n = 0; n < edge_inquiry::waiting_max; ++n)
    port.inquiry()->announce(hello(hash20(7), 1, 0), one);
  CAF_CHECK(!port.inquiry()->has_room(hash20(7)));
  run();
  CAF_CHECK_EQUAL(one.refusals, static_cast<int>(edge_inquiry::waiting_max));
}

CAF_TEST(what is blocked meanwhile is refused) {
  auto entry = hybrid(0x22, 0x11);
  CAF_REQUIRE(enter(entry));
  directory->set_blocked(entry.hashes.primary_swarm(), true);
  say(entry.hashes.primary_swarm());
  CAF_CHECK_EQUAL(one.refusals, 1);
}

CAF_TEST(a swarm of this node that knows of no entry is not begun) {
  auto entry = hybrid(0x22, 0x11);
  CAF_REQUIRE(enter(entry));
  auto swarm = entry.hashes.primary_swarm();
  directory->drop_registration(swarm);
  say(swarm);
  CAF_CHECK_EQUAL(one.answers, 1);
  CAF_CHECK(!one.last);
  CAF_CHECK(!swarm_of(swarm));
  CAF_CHECK_EQUAL(ended(inquiry_outcome::unknown), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
