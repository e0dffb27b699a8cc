// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.usage

#include "actors/usage_ledger.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>
#include <map>
#include <random>

using namespace shoal;

namespace {

struct fixture {
  peer_table_config config;
  peer_table table{config};

  usage_delta report(uint64_t up, uint64_t down, announce_event event = announce_event::none,
                     ip_family family = ip_family::v4, coarse_seconds now = 100) {
    return table.account({1, family, event, up, down}, now);
  }
};

constexpr usage_delta nothing{};

} // namespace

CAF_TEST_FIXTURE_SCOPE(usage_tests, fixture)

CAF_TEST(the first report is only the base) {
  CAF_CHECK(report(100, 200) == nothing);
  CAF_CHECK(report(150, 201) == (usage_delta{50, 1}));
  CAF_CHECK(report(150, 201) == nothing);
}

CAF_TEST(started begins a new count) {
  report(100, 100);
  CAF_CHECK(report(200, 200, announce_event::started) == nothing);
  CAF_CHECK(report(205, 200) == (usage_delta{5, 0}));
}

CAF_TEST(totals that go backwards begin a new count) {
  report(100, 100);
  CAF_CHECK(report(10, 200) == nothing);
  CAF_CHECK(report(11, 201) == (usage_delta{1, 1}));
}

CAF_TEST(the same totals over both families are credited once) {
  using enum announce_event;
  using enum ip_family;
  report(0, 0, started, v4);
  CAF_CHECK(report(0, 0, started, v6) == nothing);
  CAF_CHECK(report(100, 50, none, v4) == (usage_delta{100, 50}));
  CAF_CHECK(report(100, 50, none, v6) == nothing);
  CAF_CHECK(report(200, 60, none, v6) == (usage_delta{100, 10}));
  CAF_CHECK(report(190, 60, none, v4) == nothing);
  CAF_CHECK(report(300, 70, none, v6) == (usage_delta{100, 10}));
  CAF_CHECK(report(310, 70, stopped, v4) == (usage_delta{10, 0}));
  CAF_CHECK(report(310, 70, stopped, v6) == nothing);
}

CAF_TEST(a client that restarts on one family only is credited again) {
  using enum announce_event;
  using enum ip_family;
  report(1000, 1000, none, v4);
  CAF_CHECK(report(0, 0, started, v6) == nothing);
  CAF_CHECK(report(5, 5, none, v6) == nothing);
  CAF_CHECK(report(15, 25, none, v6) == (usage_delta{10, 20}));
}

CAF_TEST(bases expire like peers) {
  report(100, 100, announce_event::none, ip_family::v4, 100);
  table.expire(100 + config.ttl_s);
  CAF_CHECK(report(500, 500, announce_event::none, ip_family::v4, 101 + config.ttl_s) == nothing);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(the ledger hands out all that was added) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  usage_ledger ledger;
  std::map<std::string, usage_delta> expected;
  std::map<std::string, usage_delta> stored;
  for (int i = 0; i < 10'000; ++i) {
    auto user = "user" + std::to_string(random() % 50);
    usage_delta delta{random() % 100, random() % 100};
    CAF_REQUIRE(ledger.add(user, delta));
    expected[user].uploaded_bytes += delta.uploaded_bytes;
    expected[user].downloaded_bytes += delta.downloaded_bytes;
    if (random() % 10 == 0) {
      auto batch = ledger.take(1 + random() % 20);
      if (random() % 3 == 0) {
        ledger.give_back(batch);
        continue;
      }
      for (auto& e : batch) {
        stored[e.user].uploaded_bytes += e.delta.uploaded_bytes;
        stored[e.user].downloaded_bytes += e.delta.downloaded_bytes;
      }
    }
  }
  for (auto& e : ledger.take(1000)) {
    stored[e.user].uploaded_bytes += e.delta.uploaded_bytes;
    stored[e.user].downloaded_bytes += e.delta.downloaded_bytes;
  }
  CAF_CHECK(ledger.empty());
  CAF_CHECK(stored == expected);
}

CAF_TEST(a full ledger refuses new users and counts what it lost) {
  usage_ledger ledger(2);
  CAF_CHECK(ledger.add("a", {1, 1}));
  CAF_CHECK(ledger.add("b", {1, 1}));
  CAF_CHECK(!ledger.add("c", {1, 1}));
  CAF_CHECK(ledger.add("a", {1, 1}));
  CAF_CHECK(ledger.add("c", {0, 0}));
  CAF_CHECK_EQUAL(ledger.dropped(), 1u);
  CAF_CHECK_EQUAL(ledger.size(), 2u);
}

CAF_TEST(sums do not wrap) {
  constexpr auto max = std::numeric_limits<uint64_t>::max();
  usage_ledger ledger;
  ledger.add("a", {max, 1});
  ledger.add("a", {2, max - 1});
  auto batch = ledger.take(1);
  CAF_REQUIRE_EQUAL(batch.size(), 1u);
  CAF_CHECK(batch[0] == (usage_entry{"a", {max, max}}));
}
