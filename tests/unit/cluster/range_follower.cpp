// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.range_follower

#include "cluster/range_follower.hpp"

#include "tests/sim/etcd_model.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal;
using namespace shoal::sim;
using namespace shoal::cluster;
using namespace shoal::coordination;
using namespace std::chrono_literals;

namespace {

/// Keeps what the follower says, and checks that revisions only grow.
struct fixture : range_follower::listener {
  fixture() {
    settings.page = 3;
    start();
  }

  void start() { follower = std::make_unique<range_follower>(*link, "a/", clock, *this, settings); }

  void replaced(uint64_t revision, std::span<const key_value> keys) override {
    CAF_CHECK(revision >= last);
    last = revision;
    ++replacements;
    view.clear();
    for (const auto& kv : keys)
      view[kv.key] = kv.value;
  }

  void changed(uint64_t revision, std::span<const watch_event> events) override {
    CAF_CHECK(revision > last);
    last = revision;
    for (const auto& e : events)
      e.erased ? void(view.erase(e.kv.key)) : void(view[e.kv.key] = e.kv.value);
  }

  bool takes_pages() const override { return by_pages; }

  void page(uint64_t revision, std::span<const key_value> keys, bool first) override {
    CAF_CHECK(keys.size() <= settings.page);
    if (first)
      paged.clear();
    for (const auto& kv : keys) {
      CAF_CHECK(kv.mod_revision <= revision);
      paged[kv.key] = kv.value;
    }
  }

  void resumed() override { ++resumed_; }

  void went_back(uint64_t from, uint64_t to) override { back = {from, to}; }

  /// What the range was at a backup, and what was put after it and is lost.
  etcd_state with_lost_future() {
    put("a/1", "1");
    auto backup = etcd.state();
    put("a/1", "2");
    put("a/2", "2");
    run_for(1s);
    return backup;
  }

  /// The follower hears of nothing until etcd has been restored, and written `puts` times.
  void restore_unseen(const etcd_state& backup, int puts) {
    link->cut(true, true);
    run_for(2s);
    etcd.restore(backup);
    for (int i = 0; i < puts; ++i)
      put("a/other", "x" + std::to_string(i));
  }

  void see_again() {
    link->cut(false, false);
    run_for(10s);
  }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      follower->advance();
      time.run_for(50ms);
    }
  }

  void put(const std::string& key, std::optional<std::string> value) {
    operator_link->commit({{}, {{key, std::move(value), 0}}, {}}, time.now() + 1s, [](auto) {});
    time.run_for(20ms);
  }

  /// What etcd holds in the range.
  std::map<std::string, std::string> truth() {
    std::map<std::string, std::string> all;
    auto page = etcd.state().read({"a/", "a0", 1000, 0});
    for (const auto& kv : page->keys)
      all[kv.key] = kv.value;
    return all;
  }

  timeline time{1};
  etcd_model etcd{time, {}};
  std::unique_ptr<etcd_link> link = etcd.connect();
  std::unique_ptr<etcd_link> operator_link = etcd.connect();
  std::function<mono_time()> clock = [this] { return time.now(); };
  range_follower::config settings;
  std::unique_ptr<range_follower> follower;
  std::map<std::string, std::string> view;
  std::map<std::string, std::string> paged;
  bool by_pages = false;
  uint64_t last = 0;
  int replacements = 0;
  int resumed_ = 0;
  std::pair<uint64_t, uint64_t> back;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(range_follower_tests, fixture)

CAF_TEST(a range is read whole and then followed) {
  for (int i = 0; i < 10; ++i)
    put("a/" + std::to_string(i), "1");
  put("b/0", "1");
  CAF_CHECK(!follower->has_view());
  run_for(1s);
  CAF_CHECK(follower->has_view());
  CAF_CHECK_EQUAL(view.size(), 10u);
  put("a/3", std::nullopt);
  put("a/x", "2");
  put("b/1", "2");
  run_for(1s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(a page that does not come is asked for again and no other) {
  for (int i = 0; i < 40; ++i)
    put("a/" + std::to_string(i), "1");
  settings.page = 4;
  settings.page_min = 1;
  start();
  follower->advance();
  while (follower->keys_read() < 12)
    time.run_for(1ms);
  etcd.set_available(false);
  run_for(5s);
  CAF_CHECK(!follower->has_view());
  etcd.set_available(true);
  run_for(5s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(follower->keys_read(), 40u);
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(pages of a revision that is compacted are read anew) {
  for (int i = 0; i < 40; ++i)
    put("a/" + std::to_string(i), "1");
  settings.page = 4;
  start();
  follower->advance();
  while (follower->keys_read() < 12)
    time.run_for(1ms);
  put("a/1", "2");
  etcd.compact(etcd.state().revision());
  run_for(5s);
  CAF_CHECK(view == truth());
  CAF_CHECK(follower->keys_read() > 40u);
}

CAF_TEST(an empty range is a view too) {
  run_for(1s);
  CAF_CHECK(follower->has_view());
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(what changes while pages are read is not missed) {
  for (int i = 0; i < 10; ++i)
    put("a/" + std::to_string(i), "1");
  follower->advance();
  for (int i = 0; i < 40; ++i) {
    put("a/" + std::to_string(i % 10), std::to_string(i));
    time.run_for(1ms);
  }
  run_for(1s);
  CAF_CHECK(view == truth());
}

CAF_TEST(a watch that breaks is taken up where it stood) {
  run_for(1s);
  for (int i = 0; i < 5; ++i) {
    put("a/1", std::to_string(i));
    etcd.break_watches();
    put("a/2", std::to_string(i));
    run_for(1s);
    CAF_CHECK(view == truth());
  }
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK(follower->resumptions() == 5u && follower->resyncs() == 1u);
}

CAF_TEST(after a compaction the range is read again) {
  run_for(1s);
  put("a/1", "1");
  run_for(1s);
  link->cut(true, true);
  put("a/1", std::nullopt);
  put("a/2", "1");
  etcd.break_watches();
  etcd.compact(etcd.state().revision());
  run_for(10s);
  CAF_CHECK_EQUAL(view.size(), 1u);
  CAF_CHECK_EQUAL(view.count("a/1"), 1u);
  link->cut(false, false);
  run_for(10s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(replacements, 2);
  CAF_CHECK_EQUAL(follower->resyncs(), 2u);
}

CAF_TEST(a range can be read again on demand) {
  run_for(1s);
  follower->resync();
  put("a/1", "1");
  run_for(1s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(replacements, 2);
}

CAF_TEST(whatever happens the view is right in the end) {
  etcd.faults().lost = 50;
  etcd.faults().late = 50;
  for (int i = 0; i < 300; ++i) {
    auto& random = time.random;
    put("a/" + std::to_string(random.below(20)),
        random.chance(300) ? std::nullopt : std::optional{std::to_string(i)});
    if (random.chance(50))
      etcd.break_watches();
    if (random.chance(50))
      etcd.compact(etcd.state().revision());
    link->cut(random.chance(50), random.chance(50));
    run_for(random.between(0s, 500ms));
  }
  etcd.faults().lost = etcd.faults().late = 0;
  link->cut(false, false);
  run_for(30s);
  CAF_CHECK(view == truth());
  CAF_CHECK(replacements > 1);
}

CAF_TEST(an etcd that goes back in time is noticed and nothing more is said) {
  run_for(1s);
  auto backup = etcd.state();
  for (int i = 0; i < 3; ++i)
    put("a/1", std::to_string(i));
  run_for(1s);
  etcd.restore(backup);
  run_for(5s);
  CAF_CHECK_EQUAL(back.first, 4u);
  CAF_CHECK_EQUAL(back.second, 1u);
  auto before = view;
  put("a/9", "1");
  follower->resync();
  run_for(5s);
  CAF_CHECK(view == before);
}

CAF_TEST(an etcd that has passed the revision in another history is noticed) {
  auto backup = with_lost_future();
  auto seen = follower->revision();
  auto before = view;
  restore_unseen(backup, 20);
  CAF_REQUIRE(etcd.state().revision() > seen);
  see_again();
  CAF_CHECK_EQUAL(back.first, seen);
  CAF_CHECK_EQUAL(back.second, etcd.state().revision());
  CAF_CHECK(view == before);
}

CAF_TEST(another put at the revision of the last one is another history) {
  auto backup = with_lost_future();
  auto seen = follower->revision();
  link->cut(true, true);
  run_for(2s);
  etcd.restore(backup);
  put("a/1", "9");
  put("a/2", "9"); // The same key at the same revision.
  put("a/3", "9");
  see_again();
  CAF_CHECK_EQUAL(back.first, seen);
}

CAF_TEST(another history is noticed after a compaction too) {
  put("a/1", "1");
  auto backup = etcd.state();
  put("a/1", "2");
  run_for(1s);
  auto seen = follower->revision();
  restore_unseen(backup, 20);
  etcd.compact(etcd.state().revision());
  see_again();
  CAF_CHECK_EQUAL(back.first, seen);
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(what a backup has and was erased before the first reading is noticed) {
  put("a/erased", "1");
  put("a/1", "1");
  auto backup = etcd.state();
  put("a/erased", std::nullopt);
  put("b/1", "1");
  run_for(1s);
  CAF_CHECK_EQUAL(view.size(), 1u);
  restore_unseen(backup, 20); // What is put at the revisions that were read is new as well.
  see_again();
  CAF_CHECK(back.first != 0 || view == truth());
}

CAF_TEST(what a backup has all of is gone on from and nothing is missed) {
  put("a/1", "1");
  run_for(1s);
  auto backup = etcd.state();
  put("b/1", "1"); // Of others: only the revision moves on.
  put("b/1", "2");
  run_for(1s);
  for (int i = 0; i < 500 && follower->revision() < etcd.state().revision(); ++i) {
    put("b/1", std::to_string(i)); // Until it is told where a quiet range stands.
    run_for(100ms);
  }
  CAF_REQUIRE(follower->revision() > backup.revision());
  restore_unseen(backup, 1000);
  see_again();
  CAF_CHECK_EQUAL(back.first, 0u);
  CAF_CHECK(view == truth());
}

CAF_TEST(a compaction and what was erased or overwritten since is no other history) {
  for (bool is_erased : {false, true}) {
    put("a/1", "1");
    run_for(1s);
    link->cut(true, true);
    run_for(2s);
    put("a/1", is_erased ? std::nullopt : std::optional<std::string>{"2"});
    put("a/2", "2");
    etcd.compact(etcd.state().revision());
    see_again();
    CAF_CHECK_EQUAL(back.first, 0u);
    CAF_CHECK(view == truth());
  }
  CAF_CHECK_EQUAL(replacements, 3);
}

CAF_TEST(after an erasure there is no witness and the range is read again) {
  put("a/1", "1");
  run_for(1s);
  put("a/1", std::nullopt);
  run_for(1s);
  CAF_CHECK(!follower->witness());
  etcd.break_watches();
  run_for(2s);
  CAF_CHECK_EQUAL(follower->resyncs(), 2u);
  CAF_CHECK_EQUAL(back.first, 0u);
}

CAF_TEST(a range too large to hold comes in pages) {
  by_pages = true;
  for (int i = 0; i < 10; ++i)
    put("a/" + std::to_string(i), "1");
  run_for(1s);
  CAF_CHECK(paged == truth());
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK(view.empty());
  put("a/3", "2");
  run_for(1s);
  CAF_CHECK_EQUAL(view.size(), 1u);
}

CAF_TEST(a follower goes on from a revision of a former life) {
  put("a/1", "1");
  run_for(1s);
  auto seen = follower->revision();
  auto witness = follower->witness();
  CAF_CHECK_EQUAL(witness.key, "a/1");
  start();
  put("a/2", "1");
  put("a/1", std::nullopt);
  follower->resume(seen, witness);
  run_for(1s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK_EQUAL(resumed_, 1);
  follower->resume(0);
  run_for(1s);
  CAF_CHECK_EQUAL(replacements, 2);
}

CAF_TEST(a former life without a witness is read again) {
  put("a/1", "1");
  follower->resume(etcd.state().revision());
  run_for(1s);
  CAF_CHECK(view == truth());
  run_for(1s);
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(a former life beyond what etcd has is noticed) {
  put("a/1", "1");
  follower->resume(etcd.state().revision() + 5);
  run_for(1s);
  CAF_CHECK_EQUAL(back.first, etcd.state().revision() + 5);
  CAF_CHECK_EQUAL(replacements, 0);
}

CAF_TEST(answers to a follower that is gone do no harm) {
  follower->advance();
  follower.reset();
  time.run_for(10s);
  CAF_CHECK_EQUAL(replacements, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
