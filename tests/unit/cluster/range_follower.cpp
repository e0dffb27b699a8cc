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

  void went_back(uint64_t from, uint64_t to) override { back = {from, to}; }

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
  auto seen = etcd.state().revision();
  put("a/2", "1");
  put("a/1", std::nullopt);
  follower->resume(seen);
  view["a/1"] = "1";
  run_for(1s);
  CAF_CHECK(view == truth());
  CAF_CHECK_EQUAL(replacements, 0);
  follower->resume(0);
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
