// SPDX-License-Identifier: Apache-2.0
// A node's part in the registry on a model of etcd and a real LMDB.
#define CAF_SUITE cluster.registry_desk

#include "cluster/registry_metrics.hpp"
#include "persistence/records.hpp"
#include "tests/unit/cluster/support/registry_world.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct listener final : registry_listener {
  void applied(uint64_t revision, registry_changes changes) override {
    CAF_CHECK(revision > at);
    at = revision;
    for (auto& c : *changes)
      keys.push_back(c.key);
  }
  void replaced(uint64_t revision) override {
    at = revision;
    ++replacements;
  }
  void failed(const error& why) override { failures.push_back(why.code); }

  uint64_t at = 0;
  std::vector<std::string> keys;
  size_t replacements = 0;
  std::vector<ec> failures;
};

struct fixture {
  registry_world world;
  listener heard;
  listener heard_b;

  commit_request put_entry(const std::string& key, uint64_t completions = 0) {
    entry_record record;
    record.v1 = info_hash::from_bytes(key);
    record.name = "a model";
    record.completions = completions;
    return {{{table::entries, key, 0}}, {{table::entries, key, encode(record)}}};
  }

  uint64_t completions_of(world_node& node, const std::string& key) {
    auto found = node.store->get(table::entries, key);
    CAF_REQUIRE(found && *found);
    return decode_entry((*found)->value)->completions;
  }
};

std::string shown(const registry_service& service) {
  metrics::registry registry;
  add_registry_metrics(registry, service);
  std::string text;
  registry.render(text);
  return text;
}

const std::string key_of_a(20, '\x01');
const std::string key_of_b(20, '\x81');

} // namespace

CAF_TEST_FIXTURE_SCOPE(registry_desk_tests, fixture)

CAF_TEST(memory hears of a write before whoever wrote) {
  auto& a = world.add("a", heard);
  world.own(a, 0, 127);
  world.run_for(1s);
  CAF_CHECK_EQUAL(heard.replacements, 1u);
  std::vector<std::string> at_answer;
  a.desk->commit(put_entry(key_of_a), [&](result<uint64_t> outcome) {
    CAF_REQUIRE(outcome);
    CAF_CHECK_EQUAL(*outcome, heard.at);
    at_answer = heard.keys;
  });
  world.run_for(1s);
  CAF_CHECK(at_answer == std::vector{key_of_a});
  CAF_CHECK_EQUAL(a.desk->revision(), heard.at);
}

CAF_TEST(only the owner of the home slot writes and all have the copy) {
  auto& a = world.add("a", heard);
  auto& b = world.add("b", heard_b);
  world.own(a, 0, 127);
  world.own(b, 128, 255);
  world.run_for(1s);
  CAF_CHECK_EQUAL(world.commit(a, put_entry(key_of_b)), ec::not_owner);
  CAF_CHECK_EQUAL(world.commit(b, put_entry(key_of_b)), std::nullopt);
  CAF_CHECK(heard.keys == std::vector{key_of_b});
  CAF_MESSAGE("its lease is over by its own clock");
  b.routes.set_lease_end(world.time.now());
  CAF_CHECK_EQUAL(world.commit(b, put_entry(std::string(20, '\x82'))), ec::not_owner);
}

CAF_TEST(whoever asks for a proof has it a moment later) {
  auto& a = world.add("a", heard);
  auto& b = world.add("b", heard_b);
  world.own(a, 0, 255);
  world.run_for(1s);
  CAF_CHECK_EQUAL(world.commit(a, put_entry(key_of_a)), std::nullopt);
  auto proof = b.desk->ask_proof();
  CAF_CHECK(b.desk->proven() < proof);
  world.run_for(500ms);
  CAF_CHECK_EQUAL(b.desk->proven(), proof);
  CAF_CHECK(heard_b.keys == std::vector{key_of_a});
}

CAF_TEST(counts of all nodes add up and are not shown twice) {
  auto& a = world.add("a", heard);
  auto& b = world.add("b", heard_b);
  world.own(a, 0, 255);
  world.run_for(1s);
  CAF_CHECK_EQUAL(world.commit(a, put_entry(key_of_a)), std::nullopt);
  counter_key of{table::entries, key_of_a};
  uint64_t most = 0;
  for (int i = 0; i < 5; ++i) {
    CAF_CHECK(a.desk->count(of, {1, 0, 0, 0, 0}));
    CAF_CHECK(b.desk->count(of, {10, 0, 0, 0, 0}));
    for (auto end = world.time.now() + 300ms; world.time.now() < end;) {
      world.run_for(1ms);
      most = std::max(most, completions_of(b, key_of_a) + b.desk->pending(of).completions);
    }
  }
  CAF_MESSAGE("but for the time between a watch and an answer");
  CAF_CHECK(most <= 55u + 10u);
  bool flushed = false;
  b.desk->flush([&](const result<void>& how) { flushed = how.has_value(); });
  world.run_for(2s);
  CAF_CHECK(flushed);
  CAF_CHECK_EQUAL(completions_of(a, key_of_a), 55u);
  CAF_CHECK_EQUAL(a.desk->pending(of).completions, 0u);
  CAF_CHECK_EQUAL(b.desk->status().counters_waiting, 0u);
}

CAF_TEST(a copy that cannot be written grows old though etcd answers) {
  auto small = store_config(world.folder.path() / "small");
  small.initial_map_bytes = small.max_map_bytes = uint64_t{1} << 20;
  auto store = open_store(small);
  auto& a = world.add("a", heard);
  auto& b = world.add("b", *store, heard_b);
  world.own(a, 0, 255);
  world.run_for(3s);
  CAF_CHECK_EQUAL(b.desk->status().lag.count(), 0);
  for (char n = 1; n <= 100 && heard_b.failures.empty(); ++n) {
    commit_request large{{}, {{table::entries, std::string(20, n), std::string(30'000, 'x')}}};
    CAF_REQUIRE_EQUAL(world.commit(a, large), std::nullopt);
    world.run_for(100ms);
  }
  CAF_REQUIRE(!heard_b.failures.empty());
  CAF_CHECK_EQUAL(heard_b.failures.front(), ec::storage_full);
  world.run_for(10s);
  CAF_CHECK(b.desk->status().reachable);
  CAF_CHECK(b.desk->status().lag >= 5s);
  CAF_CHECK_EQUAL(a.desk->status().lag.count(), 0);
}

CAF_TEST(without etcd writes and flushes end and the age of the copy shows) {
  auto& a = world.add("a", heard);
  world.own(a, 0, 255);
  world.run_for(3s);
  CAF_CHECK_EQUAL(world.commit(a, put_entry(key_of_a)), std::nullopt);
  world.run_for(100ms); // The status is told in ticks.
  CAF_CHECK_EQUAL(a.desk->status().lag.count(), 0);
  CAF_CHECK(a.desk->status().etcd_revision >= a.desk->revision() && a.desk->revision() > 0);
  CAF_CHECK_EQUAL(a.desk->status().resyncs, 1u);
  world.etcd.set_available(false);
  std::optional<ec> flushed;
  CAF_CHECK(a.desk->count({table::entries, key_of_a}, {1, 0, 0, 0, 0}));
  a.desk->flush([&](const result<void>& how) { flushed = how.error().code; });
  auto refused = world.commit(a, put_entry(std::string(20, '\x02')));
  CAF_CHECK(refused == ec::unavailable || refused == ec::timeout); // It may have been on its way.
  world.run_for(10s);
  CAF_CHECK(shown(*a.desk).find("\nshoal_registry_lag_seconds 1") != std::string::npos);
  CAF_CHECK(flushed == ec::timeout);
  CAF_CHECK(!a.desk->status().reachable);
  CAF_CHECK(a.desk->status().lag >= 10s);
  world.etcd.set_available(true);
  world.run_for(5s);
  CAF_CHECK(a.desk->status().reachable);
  CAF_CHECK_EQUAL(a.desk->status().lag.count(), 0);
  CAF_CHECK_EQUAL(completions_of(a, key_of_a), 1u);
}

CAF_TEST(an etcd that went back in time stops the copy with a word) {
  auto& a = world.add("a", heard);
  world.own(a, 0, 255);
  world.run_for(1s);
  auto backup = world.etcd.state();
  CAF_CHECK_EQUAL(world.commit(a, put_entry(key_of_a)), std::nullopt);
  world.etcd.restore(backup);
  world.run_for(5s);
  CAF_REQUIRE(!heard.failures.empty());
  CAF_CHECK_EQUAL(heard.failures.back(), ec::corrupt);
  CAF_CHECK(a.desk->status().stopped);
  auto seen = a.desk->await_first_view(0ms);
  CAF_CHECK(!seen && seen.error().code == ec::corrupt);
}

CAF_TEST(whoever waits when the desk closes is told) {
  auto& a = world.add("a", heard);
  world.own(a, 0, 255);
  world.run_for(1s);
  world.etcd.set_available(false);
  std::vector<ec> ends;
  a.desk->commit(put_entry(key_of_a), [&](auto outcome) { ends.push_back(outcome.error().code); });
  CAF_CHECK(a.desk->count({table::users, "ada"}, {0, 1, 0, 0, 0}));
  a.desk->flush([&](const result<void>& how) { ends.push_back(how.error().code); });
  world.run_for(100ms);
  a.desk->close();
  CAF_REQUIRE(ends.size() == 2); // The model's etcd may have said at once that it is away.
  CAF_CHECK(ends[0] == ec::shutting_down || ends[0] == ec::unavailable);
  CAF_CHECK(ends[1] == ec::shutting_down);
  a.desk->commit(put_entry(key_of_a), [&](auto outcome) { ends.push_back(outcome.error().code); });
  world.run_for(10ms);
  CAF_CHECK_EQUAL(ends.size(), 3u);
}

CAF_TEST(a copy gets where a new owner needs it though nobody writes) {
  auto& a = world.add("a", heard);
  world.own(a, 0, 255);
  world.run_for(1s);
  auto epoch = world.put(world.keys.owner(7), "a 1");
  world.run_for(1s);
  CAF_CHECK(a.desk->revision() < epoch);
  a.desk->reach(epoch);
  world.run_for(1s);
  CAF_CHECK(a.desk->revision() >= epoch);
}

CAF_TEST(the flushes of former processes are forgotten) {
  auto old = world.keys.flush("a/0-7");
  world.put(old, "");
  world.claims = true;
  auto& a = world.add("a", heard);
  world.own(a, 0, 255);
  world.run_for(2s);
  CAF_MESSAGE("not before the node is a member");
  CAF_CHECK(world.etcd.state().find(old));
  world.join(a);
  world.run_for(3s);
  CAF_CHECK(!world.etcd.state().find(old));
}

CAF_TEST_FIXTURE_SCOPE_END()
