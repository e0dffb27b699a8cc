// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_model

#include "tests/sim/etcd_model.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::sim;
using namespace shoal::coordination;
using namespace std::chrono_literals;

namespace {

struct recorder final : watcher {
  void started(uint64_t revision) override { log += "started " + std::to_string(revision) + "; "; }
  void changed(uint64_t revision, std::span<const watch_event> events) override {
    log += std::to_string(revision) + ":";
    for (const auto& e : events)
      log += " " + e.kv.key + (e.erased ? " gone" : "=" + e.kv.value);
    log += "; ";
  }
  void lost(const error& why) override { log += "lost " + std::string{name(why.code)} + "; "; }

  std::string log;
};

struct fixture {
  fixture() {
    model.faults().trip_max = 1ms;
    model.faults().expiry_lag_max = 0s;
  }

  mono_time soon() { return time.now() + 1s; }

  /// Asks and lets time pass until the answer is there.
  template <class T, class F>
  result<T> ask(F question) {
    std::optional<result<T>> answer;
    question([&](result<T> r) {
      SHOAL_CHECK(!answer);
      answer = std::move(r);
    });
    SHOAL_CHECK(!answer);
    while (!answer && time.step()) {
    }
    return *answer;
  }

  result<transaction_result> commit(transaction what) {
    return ask<transaction_result>(
        [&](auto then) { link->commit(std::move(what), soon(), std::move(then)); });
  }
  uint64_t put(std::string key, std::optional<std::string> value, lease_id lease = 0) {
    return commit({{}, {{std::move(key), std::move(value), lease}}, {}})->revision;
  }
  std::string value_of(const std::string& key) {
    auto kv = model.state().find(key);
    return kv ? kv->value : "nothing";
  }
  result<range_page> read(range_query what) {
    return ask<range_page>([&](auto then) { link->read(what, soon(), std::move(then)); });
  }
  lease_id grant(uint32_t ttl_s) {
    return *ask<lease_id>([&](auto then) { link->grant(ttl_s, soon(), std::move(then)); });
  }
  result<uint32_t> keep_alive(lease_id lease) {
    return ask<uint32_t>([&](auto then) { link->keep_alive(lease, soon(), std::move(then)); });
  }

  timeline time{1};
  etcd_model model{time, {}};
  std::unique_ptr<etcd_link> link = model.connect();
  recorder seen;
};

transaction put_if(std::string key, std::string value, uint64_t mod_revision) {
  return {
      {{key, condition::what::mod_revision, mod_revision}}, {{key, std::move(value), 0}}, {key}};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_model_tests, fixture)

CAF_TEST(a transaction happens as a whole or not at all) {
  auto made
      = commit({{{"a", condition::what::mod_revision, 0}}, {{"a", "1", 0}, {"b", "1", 0}}, {}});
  CAF_REQUIRE(made);
  CAF_CHECK(made->succeeded);
  CAF_CHECK_EQUAL(made->revision, 2u);
  auto again = commit(
      {{{"a", condition::what::mod_revision, 0}}, {{"a", "2", 0}, {"c", "2", 0}}, {"a", "c"}});
  CAF_CHECK(!again->succeeded);
  CAF_CHECK_EQUAL(again->revision, 2u);
  CAF_CHECK_EQUAL(again->read[0]->value, "1");
  CAF_CHECK_EQUAL(again->read[0]->mod_revision, 2u);
  CAF_CHECK(!again->read[1]);
}

CAF_TEST(conditions look at the last write and at the creation) {
  put("a", "1");
  put("a", "2");
  auto holds = [&](condition::what of, uint64_t equals) {
    return commit({{{"a", of, equals}}, {}, {}})->succeeded;
  };
  CAF_CHECK(holds(condition::what::mod_revision, 3));
  CAF_CHECK(!holds(condition::what::mod_revision, 2));
  CAF_CHECK(holds(condition::what::create_revision, 2));
  CAF_CHECK(holds(condition::what::lease, 0));
}

CAF_TEST(a key is not written twice in one transaction) {
  auto refused = commit({{}, {{"a", "1", 0}, {"a", "2", 0}}, {}});
  CAF_CHECK(refused.error().code == ec::invalid_argument);
  CAF_CHECK(!model.state().find("a"));
}

CAF_TEST(what erases nothing makes no revision) {
  CAF_CHECK_EQUAL(put("a", std::nullopt), 1u);
  put("a", "1");
  CAF_CHECK_EQUAL(put("a", std::nullopt), 3u);
}

CAF_TEST(a range is read in pages at one revision) {
  for (auto key : {"a", "b", "c", "d"})
    put(key, "1");
  auto page = read({"b", "d", 1, 0});
  CAF_CHECK(page->more);
  CAF_CHECK_EQUAL(page->keys.size(), 1u);
  put("c", "2");
  auto rest = read({std::string("b") + '\0', "d", 10, page->revision});
  CAF_CHECK(!rest->more);
  CAF_CHECK_EQUAL(rest->keys.size(), 1u);
  CAF_CHECK_EQUAL(rest->keys[0].value, "1");
  auto all = read({"a", std::string(1, '\0'), 10, 0});
  CAF_CHECK_EQUAL(all->keys.size(), 4u);
}

CAF_TEST(compaction forgets what is overwritten and erased and nothing else) {
  put("a", "1");
  put("b", "1");
  put("a", "2");
  commit({{}, {{"b", std::nullopt, 0}}, {}});
  model.compact(5);
  CAF_CHECK(read({"a", "c", 10, 4}).error().code == ec::not_found);
  auto now = read({"a", "c", 10, 5});
  CAF_REQUIRE(now);
  CAF_CHECK_EQUAL(now->keys.size(), 1u);
  CAF_CHECK_EQUAL(now->keys[0].value, "2");
  CAF_CHECK_EQUAL(now->keys[0].create_revision, 2u);
}

CAF_TEST(a lease that ends takes its keys along in one revision) {
  auto lease = grant(5);
  put("a", "1", lease);
  put("b", "1", lease);
  put("c", "1");
  time.run_for(4s);
  CAF_CHECK_EQUAL(keep_alive(lease).value_or(0), 5u);
  time.run_for(4s);
  CAF_CHECK(model.state().find("a"));
  auto before = model.state().revision();
  time.run_for(2s);
  CAF_CHECK(!model.state().find("a") && !model.state().find("b") && model.state().find("c"));
  CAF_CHECK_EQUAL(model.state().revision(), before + 1);
  CAF_CHECK(keep_alive(lease).error().code == ec::not_found);
  CAF_CHECK(commit({{}, {{"a", "2", lease}}, {}}).error().code == ec::not_found);
}

CAF_TEST(a key goes with the lease of its last write) {
  auto one = grant(5);
  auto other = grant(60);
  put("a", "1", one);
  put("a", "2", other);
  time.run_for(6s);
  CAF_CHECK(model.state().find("a"));
  CAF_CHECK(model.state().find("a")->lease == other);
}

CAF_TEST(no lease ends without a leader and all are whole with the next) {
  auto lease = grant(5);
  put("a", "1", lease);
  model.set_available(false);
  time.run_for(20s);
  model.set_available(true);
  time.run_for(4s);
  CAF_CHECK(model.state().find("a"));
  time.run_for(2s);
  CAF_CHECK(!model.state().find("a"));
}

CAF_TEST(a watch gets every change of its range in order and none torn) {
  auto w = link->follow("a", "c", 0, seen);
  CAF_CHECK_EQUAL(seen.log, "");
  time.run_for(1s);
  commit({{}, {{"a", "1", 0}, {"b", "1", 0}, {"c", "1", 0}}, {}});
  time.run_for(1s);
  commit({{}, {{"a", std::nullopt, 0}}, {}});
  time.run_for(1s);
  CAF_CHECK_EQUAL(seen.log, "started 1; 2: a=1 b=1; 3: a gone; ");
}

CAF_TEST(a watch that has ended is silent) {
  auto w = link->follow("a", "c", 0, seen);
  time.run_for(1s);
  put("a", "1");
  w.reset();
  time.run_for(60s);
  CAF_CHECK_EQUAL(seen.log, "started 1; ");
}

CAF_TEST(a watch begins in the past unless that is compacted) {
  put("a", "1");
  put("a", "2");
  put("a", "3");
  model.compact(2);
  recorder late;
  auto w = link->follow("a", "c", 3, seen);
  auto x = link->follow("a", "c", 2, late);
  time.run_for(1s);
  CAF_CHECK_EQUAL(seen.log, "started 2; 4: a=2 a=3; ");
  CAF_CHECK_EQUAL(late.log, "lost not_found; ");
}

CAF_TEST(a watch that breaks is said to be lost once) {
  auto w = link->follow("a", "c", 0, seen);
  time.run_for(1s);
  model.break_watches();
  model.break_watches();
  time.run_for(1s);
  put("a", "1");
  time.run_for(60s);
  CAF_CHECK_EQUAL(seen.log, "started 1; lost unavailable; ");
}

CAF_TEST(an answer that is lost leaves it open whether it was done) {
  link->cut(false, true);
  CAF_CHECK(commit({{}, {{"a", "1", 0}}, {}}).error().code == ec::timeout);
  CAF_CHECK(model.state().find("a"));
}

CAF_TEST(what is cut off never says that it was not done when it was) {
  size_t refused = 0;
  size_t arrived = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    auto key = std::to_string(i);
    link->cut(true, true);
    auto answer = commit({{}, {{key, "1", 0}}, {}});
    CAF_REQUIRE(!answer);
    time.run_for(5s);
    CAF_CHECK(!model.state().find(key));
    link->cut(false, false);
    time.run_for(1s);
    auto made = model.state().find(key).has_value();
    arrived += made;
    refused += answer.error().code == ec::unavailable;
    CAF_CHECK(!made || answer.error().code == ec::timeout);
  }
  CAF_CHECK(refused > 0);
  CAF_CHECK(arrived > 0);
}

CAF_TEST(without a leader nothing is answered) {
  put("a", "1");
  model.set_available(false);
  for (int i = 0; i < 20; ++i) {
    auto answer = commit(put_if("a", "2", 2));
    CAF_CHECK(answer.error().code == ec::unavailable || answer.error().code == ec::timeout);
  }
  CAF_CHECK_EQUAL(value_of("a"), "1");
  model.set_available(true);
  time.run_for(1s);
  CAF_CHECK_EQUAL(value_of("a"), "2"); // One of the twenty was only late.
}

CAF_TEST(late requests are done in any order) {
  model.faults().late = 500;
  bool overtaken = false;
  for (int i = 0; i < 20; ++i) {
    for (char c : {'1', '2'})
      link->commit({{}, {{"a", std::string(1, c), 0}}, {}}, soon(), [](auto) {});
    time.run_for(30s);
    overtaken = overtaken || model.state().find("a")->value == "1";
  }
  CAF_CHECK(overtaken);
}

CAF_TEST(a store that dies answers every question once) {
  int answers = 0;
  for (int i = 0; i < 3; ++i)
    link->commit(put_if("a", "1", 0), soon(), [&](result<transaction_result> r) {
      ++answers;
      CAF_CHECK(r.error().code == ec::shutting_down);
    });
  link.reset();
  CAF_CHECK_EQUAL(answers, 3);
  time.run_for(60s);
  CAF_CHECK_EQUAL(answers, 3);
  CAF_CHECK(model.state().find("a")); // What was under way arrives.
}

CAF_TEST(the same seed is the same run) {
  auto run = [](uint64_t seed) {
    timeline t{seed};
    etcd_model m{t, {50, 50}};
    auto l = m.connect();
    recorder r;
    auto w = l->follow("a", "z", 0, r);
    for (int i = 0; i < 100; ++i)
      t.after(std::chrono::milliseconds{i * 10}, [&, i] {
        l->commit({{}, {{"k" + std::to_string(t.random.below(9)), std::to_string(i), 0}}, {}},
                  t.now() + 1s, [&](auto answer) { r.log += answer ? "y" : "n"; });
      });
    t.run_for(60s);
    return r.log;
  };
  CAF_CHECK_EQUAL(run(7), run(7));
  CAF_CHECK(run(7) != run(8));
}

CAF_TEST_FIXTURE_SCOPE_END()
