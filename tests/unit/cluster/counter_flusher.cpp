// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.counter_flusher

#include "cluster/counter_flusher.hpp"

#include "persistence/records.hpp"
#include "tests/unit/cluster/support/commit_fixture.hpp"

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

using fault = faulty_store::fault;

struct fixture : commit_fixture {
  fixture() {
    settings.node = "n";
    settings.incarnation = 7;
    start();
    begin();
  }

  void begin() {
    counters = std::make_unique<counter_flusher>(
        *commits,
        counter_flusher::hooks{
            [this](table where, const std::string& key) -> result<std::optional<versioned>> {
              return disk.find(where, key);
            },
            clock, [this](const auto& of, const auto&, const auto&) { dropped.push_back(of.key); }},
        settings);
  }

  void run(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      counters->advance();
      run_for(20ms);
    }
  }

  void count(const std::string& user, uint64_t bytes) {
    CAF_CHECK(counters->add({table::users, user}, {0, bytes, 0, 1, 100}));
  }

  usage_record usage(const std::string& user) {
    auto kv = etcd.state().find(keys.data("users", user));
    return kv ? *decode_usage(kv->value) : usage_record{};
  }

  result<uint64_t> ask_claim(uint64_t incarnation) {
    auto of = settings;
    of.incarnation = incarnation;
    std::optional<result<uint64_t>> got;
    claim_flushes(*operator_link, keys, of, member, time.now() + 1s,
                  [&](result<uint64_t> claim) { got = std::move(claim); });
    run(500ms);
    SHOAL_CHECK(got);
    return *got;
  }

  size_t ids() {
    auto first = keys.flushes();
    return etcd.state().read({first, coordination::prefix_end(first), 1000, 0})->keys.size();
  }

  counter_config settings;
  coordination::condition member{"shoal/nodes/n", coordination::condition::what::lease, 0};
  std::unique_ptr<counter_flusher> counters;
  std::vector<std::string> dropped;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(counter_flusher_tests, fixture)

CAF_TEST(what is counted is written in batches) {
  for (int i = 0; i < 120; ++i)
    count("u" + std::to_string(i), 5);
  count("u7", 3);
  CAF_CHECK(counters->pending({table::users, "u7"}).uploaded_bytes == 8u);
  auto before = faulty.commits;
  run(2s);
  CAF_CHECK(counters->is_idle());
  CAF_CHECK_EQUAL(faulty.commits, before + 3);
  CAF_CHECK(usage("u7").uploaded_bytes == 8u);
  CAF_CHECK(usage("u7").announces == 2u);
  CAF_CHECK(usage("u119").uploaded_bytes == 5u);
  CAF_CHECK(usage("u119").first_seen == 100);
  CAF_CHECK_EQUAL(ids(), 1u);
}

CAF_TEST(completions are added to an entry and one that is gone takes none) {
  entry_record entry;
  entry.v1 = info_hash{};
  entry.completions = 40;
  entry.name = "model";
  set(keys.data("entries", "e"), encode(entry));
  run(1s);
  counters->add({table::entries, "e"}, {2, 0, 0, 0, 0});
  counters->add({table::entries, "gone"}, {2, 0, 0, 0, 0});
  run(1s);
  auto kv = etcd.state().find(keys.data("entries", "e"));
  CAF_CHECK(decode_entry(kv->value)->completions == 42u);
  CAF_CHECK(decode_entry(kv->value)->name == "model");
  CAF_CHECK(!etcd.state().find(keys.data("entries", "gone")));
  CAF_CHECK(counters->is_idle());
  CAF_CHECK(dropped.empty());
}

CAF_TEST(a damaged record loses its own amounts only) {
  set(keys.data("users", "bad"), "damaged");
  run(1s);
  count("bad", 1);
  count("good", 1);
  run(1s);
  CAF_CHECK((dropped == std::vector<std::string>{"bad"}));
  CAF_CHECK(usage("good").uploaded_bytes == 1u);
}

CAF_TEST(a flush whose answer is lost for long is not counted twice) {
  run(1s);
  count("u", 5);
  faulty.next = fault::lose_answer;
  counters->advance();
  time.run_for(50ms);
  CAF_CHECK(usage("u").uploaded_bytes == 5u);
  faulty.next = fault::lose_question;
  run(12s); // The commit store gives up: it does not know.
  CAF_CHECK(commits->stats().unknown == 1u);
  count("u", 2);
  faulty.next = fault::none;
  run(3s);
  CAF_CHECK(usage("u").uploaded_bytes == 7u);
  CAF_CHECK(counters->is_idle());
}

CAF_TEST(a record that others write meanwhile is read again) {
  count("u", 5);
  run(1s);
  usage_record other = usage("u");
  other.uploaded_bytes = 100;
  count("u", 1);
  set(keys.data("users", "u"), encode(other)); // The copy does not show it yet.
  counters->advance();
  run(2s);
  CAF_CHECK(usage("u").uploaded_bytes == 101u);
}

CAF_TEST(a flush on demand answers when all is written) {
  for (int i = 0; i < 120; ++i)
    count("u" + std::to_string(i), 5);
  bool written = false;
  counters->flush([&] { written = true; });
  CAF_CHECK(!written);
  run(1s);
  CAF_CHECK(written);
  CAF_CHECK(counters->is_idle());
  bool at_once = false;
  counters->flush([&] { at_once = true; });
  CAF_CHECK(at_once);
}

CAF_TEST(too many records that wait are refused) {
  settings.pending_max = 2;
  begin();
  count("a", 1);
  count("b", 1);
  CAF_CHECK(!counters->add({table::users, "c"}, {0, 1, 0, 0, 0}));
  count("a", 1);
}

CAF_TEST(a claim forgets the ids of former processes and not the own ones) {
  count("u", 5);
  run(1s);
  for (int i = 0; i < 250; ++i)
    set(keys.flush("n/6-" + std::to_string(i)), "");
  set(keys.flush("nn/6-1"), "");
  CAF_CHECK_EQUAL(ids(), 252u);
  auto claim = ask_claim(7);
  CAF_REQUIRE(claim);
  CAF_CHECK_EQUAL(ids(), 2u);
  CAF_CHECK(etcd.state().find(keys.flusher("n"))->mod_revision == *claim);
  CAF_CHECK(ask_claim(7).value() == *claim); // It has it already.
  CAF_CHECK(ask_claim(8).value() > *claim);
  CAF_CHECK_EQUAL(ids(), 1u);
}

CAF_TEST(who is not the node gets no claim) {
  member.equals = 1;
  CAF_CHECK_EQUAL(code_of(ask_claim(7)), ec::not_owner);
  CAF_CHECK(!etcd.state().find(keys.flusher("n")));
}

CAF_TEST(a flush that may have happened is not repeated once another process has the claim) {
  settings.needs_claim = true;
  begin();
  count("u", 5);
  run(1s);
  CAF_CHECK(counters->wants_claim());
  CAF_CHECK(usage("u").uploaded_bytes == 0u);
  counters->claimed(*ask_claim(7));
  faulty.next = fault::lose_answer;
  counters->advance();
  time.run_for(50ms);
  CAF_CHECK(usage("u").uploaded_bytes == 5u);
  faulty.next = fault::lose_question;
  run(12s);
  CAF_CHECK(commits->stats().unknown == 1u);
  CAF_REQUIRE(ask_claim(8)); // And the id is gone.
  CAF_CHECK_EQUAL(ids(), 0u);
  faulty.next = fault::none;
  run(3s);
  CAF_CHECK(usage("u").uploaded_bytes == 5u);
  CAF_CHECK((dropped == std::vector<std::string>{"u"}));
  CAF_CHECK(counters->wants_claim());
  count("u", 2);
  run(1s);
  CAF_CHECK(usage("u").uploaded_bytes == 5u);
  counters->claimed(*ask_claim(7));
  run(1s);
  CAF_CHECK(usage("u").uploaded_bytes == 7u);
  CAF_CHECK_EQUAL(ids(), 1u);
}

CAF_TEST(what has certainly not happened survives the loss of the claim) {
  settings.needs_claim = true;
  begin();
  counters->claimed(*ask_claim(7));
  CAF_REQUIRE(ask_claim(8));
  count("u", 5);
  run(1s);
  CAF_CHECK(counters->wants_claim());
  CAF_CHECK(dropped.empty());
  CAF_CHECK(usage("u").uploaded_bytes == 0u);
  counters->claimed(*ask_claim(7));
  run(1s);
  CAF_CHECK(usage("u").uploaded_bytes == 5u);
}

CAF_TEST(the id of a batch of which nothing was left to write is forgotten too) {
  entry_record entry;
  entry.v1 = info_hash{};
  set(keys.data("entries", "e"), encode(entry));
  run(1s);
  counters->add({table::entries, "e"}, {2, 0, 0, 0, 0});
  faulty.next = fault::lose_answer;
  counters->advance();
  time.run_for(50ms);
  CAF_CHECK_EQUAL(ids(), 1u);
  faulty.next = fault::lose_question;
  run(12s); // The commit store gives up: it does not know.
  set(keys.data("entries", "e"), std::nullopt);
  faulty.next = fault::none;
  run(3s);
  CAF_CHECK(counters->is_idle());
  for (uint64_t i = 0; i < 3; ++i) {
    count("u", 1);
    run(1s);
  }
  CAF_CHECK_EQUAL(ids(), 1u);
}

CAF_TEST(amounts do not wrap around) {
  counter_amounts all{1, UINT64_MAX - 1, 0, 0, 7};
  all.add({1, 5, 0, 0, 3});
  CAF_CHECK_EQUAL(all.uploaded_bytes, UINT64_MAX);
  CAF_CHECK_EQUAL(all.completions, 2u);
  CAF_CHECK_EQUAL(all.at, 7);
}

CAF_TEST_FIXTURE_SCOPE_END()
