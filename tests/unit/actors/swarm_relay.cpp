// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.swarm_relay

#include "actors/link_kinds.hpp"
#include "tests/unit/actors/support/web_nodes.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

using counts_of = std::pair<uint64_t, uint64_t>;

/// The v1 swarm of a hybrid torrent is a's, the primary one is b's.
struct fixture : web_fixture {
  fixture() {
    of_a.settings.others = &a.swarms;
    settings.others = &b.swarms;
    CAF_REQUIRE(enter(both));
    of_a.directory.put_registration(
        v1, std::make_shared<registration>(registration{primary, 1, true, 0, nullptr}));
    for (auto* node : {&a, &b, &c})
      node->route(slot_of(v1), "a", "");
    CAF_REQUIRE(slot_of(v1) != slot_of(primary));
  }

  void announce_at_a(uint8_t n, uint64_t left, announce_event event = announce_event::none) {
    caf::anon_send(of_a.settings.shards[slot_of(v1)], tracker_fixture::hello(v1, n, left, event),
                   edge);
    drain();
  }

  void sweep_at_a() {
    caf::anon_send(of_a.directory.lookup(v1).swarm, atom::expire::value);
    drain();
  }

  counts_of seen_counts() {
    auto entry = seen(both.hashes);
    return {entry.seeders, entry.leechers};
  }

  const registry_entry both = hybrid(0x22, 0x11);
  const info_hash v1 = hash20(0x11);
  const info_hash primary = both.hashes.primary_swarm();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(swarm_relay_tests, fixture)

CAF_TEST(a primary swarm counts peers of swarms of other nodes) {
  announce_at_a(1, 0);
  announce_at_a(2, 7);
  announce(tracker_fixture::hello(primary, 1, 0)); // In both swarms.
  CAF_CHECK(seen_counts() == counts_of(1, 1));
  announce_at_a(2, 0, announce_event::completed);
  CAF_CHECK(seen_counts() == counts_of(2, 0));
  CAF_CHECK_EQUAL(seen(both.hashes).completions, 1u);
  announce_at_a(2, 0, announce_event::stopped);
  CAF_CHECK(seen_counts() == counts_of(1, 0));
  CAF_CHECK(!of_a.directory.lookup(primary).swarm);
}

CAF_TEST(a primary swarm that begins anew is told all again) {
  announce_at_a(1, 0);
  sweep_at_a();
  kill(swarm_of(primary));
  a.between.break_off("b");
  sweep_at_a();
  CAF_REQUIRE(swarm_of(primary));
  CAF_CHECK(seen_counts() == counts_of(1, 0));
  CAF_MESSAGE("and so is one that was not told something");
  a.route(slot_of(primary), "c", ""); // Which is not true.
  announce_at_a(2, 0);
  CAF_CHECK(seen_counts() == counts_of(1, 0));
  a.route(slot_of(primary), "b", "");
  sweep_at_a();
  CAF_CHECK(seen_counts() == counts_of(2, 0));
  CAF_MESSAGE("once");
  auto before = b.between.messages;
  sweep_at_a();
  CAF_CHECK_EQUAL(b.between.messages, before);
}

CAF_TEST(traffic that is reported to any swarm is booked once) {
  auto report = [&](uint64_t uploaded) {
    auto req = tracker_fixture::hello(v1, 1, 0);
    req.user = "somebody";
    req.uploaded = uploaded;
    caf::anon_send(of_a.settings.shards[slot_of(v1)], req, edge);
    auto twin = tracker_fixture::hello(primary, 1, 0);
    twin.user = "somebody";
    twin.uploaded = uploaded;
    drain();
    announce(twin);
  };
  report(0);
  report(1000);
  CAF_CHECK(ask<atom::flush>(booking, atom::flush::value));
  auto booked = store->get(table::users, "somebody");
  CAF_REQUIRE(booked && *booked);
  auto usage = decode_usage((*booked)->value);
  CAF_REQUIRE(usage);
  CAF_CHECK_EQUAL(usage->uploaded_bytes, 1000u);
}

CAF_TEST(an operator sees swarms of other nodes) {
  announce(tracker_fixture::hello(primary, 1, 0));
  announce(tracker_fixture::hello(primary, 2, 7));
  auto there = must<swarm_description>(a.swarms.far(), describe_far_swarm{primary, 10});
  CAF_CHECK_EQUAL(there.numbers.complete, 1u);
  CAF_CHECK_EQUAL(there.numbers.incomplete, 1u);
  CAF_CHECK_EQUAL(there.addresses, 2u);
  CAF_REQUIRE_EQUAL(there.peers.size(), 2u);
  CAF_CHECK_EQUAL(there.peers[0].address.port, 6881u);
  auto same = must<swarm_description>(swarm_of(primary), describe_swarm{0});
  CAF_CHECK_EQUAL(there.memory_bytes, same.memory_bytes);
  auto one = must<swarm_description>(a.swarms.far(), describe_far_swarm{primary, 1});
  CAF_CHECK_EQUAL(one.peers.size(), 1u);
  CAF_MESSAGE("and what is not there");
  auto none = ask<swarm_description>(a.swarms.far(), describe_far_swarm{hash20(3), 10});
  CAF_REQUIRE(!none);
  CAF_CHECK(none.error().code == ec::not_found);
  for (auto* name : {"b", "c"})
    a.routes.set_reachable(a.routes.number_of(name), false);
  auto cut = ask<swarm_description>(a.swarms.far(), describe_far_swarm{primary, 10});
  CAF_REQUIRE(!cut);
  CAF_CHECK(cut.error().code == ec::unavailable);
}

CAF_TEST(the standby is asked about a swarm whose owner says nothing) {
  caf::anon_send(of_c.settings.shards[slot_of(primary)], tracker_fixture::hello(primary, 1, 0),
                 edge);
  drain();
  b.between.deaf = true; // Drops the question, which the links answer with an error.
  auto there = must<swarm_description>(a.swarms.far(), describe_far_swarm{primary, 10});
  CAF_CHECK_EQUAL(there.numbers.complete, 1u);
}

CAF_TEST(questions and facts that do not decode are refused) {
  for (auto kind : {link_kind::paired, link_kind::describe}) {
    result<std::string> answer = std::string{};
    a.between.call("b", kind, "\xff garbage", mono_now() + 1h,
                   [&](result<std::string> x) { answer = std::move(x); });
    CAF_REQUIRE(!answer);
    CAF_CHECK(answer.error().code == ec::invalid_argument);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
