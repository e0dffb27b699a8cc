// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.migration

#include "cluster/migration_withdrawal.hpp"
#include "tests/unit/cluster/support/commit_fixture.hpp"

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  fixture() { config.records_per_commit = 7; }

  std::unique_ptr<lmdb_store> open(const std::string& where) {
    return open_store(store_config(folder.path() / where));
  }

  static constexpr uint64_t each = 60;
  static constexpr uint64_t written = each * shared_tables.size();

  /// Some of every table, with keys of every byte.
  void fill(lmdb_store& store) {
    std::vector<commit_request> all;
    for (auto where : shared_tables)
      for (int i = 0; i < int{each}; ++i)
        all.push_back(put_request(where, std::string(1, static_cast<char>(i * 4)) + "/\xff",
                                  std::string(name(where)) + std::to_string(i)));
    for (auto& done : store.commit(all))
      CAF_REQUIRE(done);
  }

  static std::map<std::string, std::string> values(const lmdb_store& store) {
    std::map<std::string, std::string> all;
    for (auto where : shared_tables)
      CAF_REQUIRE(store.scan(where, {}, [&](auto key, auto value, auto) {
        all[std::string(name(where)) + '/' + std::string(key)] = value;
        return true;
      }));
    return all;
  }

  /// @returns nothing if it has not ended by then.
  template <class T = uint64_t, class Migration>
  std::optional<result<T>> run(Migration& job, sim::duration most) {
    std::optional<result<T>> got;
    job.start([&](result<T> outcome) {
      SHOAL_CHECK(!got);
      got = std::move(outcome);
    });
    for (auto end = time.now() + most; !got && time.now() < end;) {
      job.advance();
      time.run_for(20ms);
    }
    return got;
  }

  std::optional<result<uint64_t>> move_in(lmdb_store& store, sim::duration most = 300s) {
    migration_into_etcd job{*link, store, clock, config};
    return run(job, most);
  }

  std::optional<result<uint64_t>> move_out(lmdb_store& store, sim::duration most = 300s) {
    migration_into_lmdb job{*link, store, clock, config};
    return run(job, most);
  }

  std::optional<result<migration_withdrawal::outcome>> withdraw(lmdb_store& store) {
    migration_withdrawal job{*link, store, clock, config};
    return run<migration_withdrawal::outcome>(job, 300s);
  }

  /// Moves a part of it and dies.
  void move_some(lmdb_store& store) {
    migration_into_etcd job{*link, store, clock, config};
    job.start([](auto) { SHOAL_CHECK(false); });
    while (job.written() < 100) {
      job.advance();
      time.run_for(1ms);
    }
  }

  std::optional<result<found_cluster>> find(const cluster_wish& wish) {
    std::optional<result<found_cluster>> got;
    find_cluster(*link, keys, wish, time.now() + 1s,
                 [&](result<found_cluster> found) { got = std::move(found); });
    time.run_for(1s);
    return got;
  }

  size_t keys_below(const std::string& prefix) {
    return etcd.state().read({prefix, coordination::prefix_end(prefix), 10'000, 0})->keys.size();
  }

  void set(const std::string& key, std::optional<std::string> value) {
    link->commit({{}, {{key, std::move(value), 0}}, {}}, time.now() + 1s, [](auto) {});
    time.run_for(100ms);
  }

  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> link = etcd.connect();
  std::function<mono_time()> clock = [this] { return time.now(); };
  temp_folder folder;
  migration_config config;
  key_space keys{"shoal/"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(migration_tests, fixture)

CAF_TEST(a registry goes into etcd and back and is the same) {
  auto store = open("one");
  fill(*store);
  auto in = move_in(*store);
  CAF_REQUIRE(in && *in);
  CAF_CHECK_EQUAL(**in, written);
  auto other = open("other");
  auto out = move_out(*other);
  CAF_REQUIRE(out && *out);
  CAF_CHECK_EQUAL(**out, written);
  CAF_CHECK(values(*other) == values(*store));
  auto next = other->commit(put_request(table::refs, "later", "1"));
  CAF_REQUIRE(next);
  CAF_CHECK(*next > etcd.state().revision());
}

CAF_TEST(an empty registry can be moved) {
  auto store = open("one");
  auto in = move_in(*store);
  CAF_REQUIRE(in && *in);
  CAF_CHECK_EQUAL(**in, 0u);
}

CAF_TEST(what is interrupted goes on where it was) {
  auto store = open("one");
  fill(*store);
  etcd.faults().lost = 100;
  etcd.faults().late = 100;
  uint64_t attempts = 0;
  std::optional<result<uint64_t>> in;
  for (; !in && attempts < 1000; ++attempts)
    in = move_in(*store, 400ms); // And it dies.
  CAF_REQUIRE(in && *in);
  CAF_CHECK_EQUAL(**in, written);
  CAF_CHECK(attempts > 3);
  auto other = open("other");
  std::optional<result<uint64_t>> out;
  for (attempts = 0; !out && attempts < 1000; ++attempts)
    out = move_out(*other, 400ms);
  CAF_REQUIRE(out && *out);
  CAF_CHECK(values(*other) == values(*store));
}

CAF_TEST(a migration that is done says so again) {
  auto store = open("one");
  fill(*store);
  CAF_REQUIRE(move_in(*store).value());
  auto before = etcd.state().revision();
  auto again = move_in(*store);
  CAF_REQUIRE(again && *again);
  CAF_CHECK_EQUAL(**again, written);
  CAF_CHECK(etcd.state().revision() == before);
}

CAF_TEST(a registry of another origin is not overwritten) {
  auto store = open("one");
  fill(*store);
  CAF_REQUIRE(move_in(*store).value());
  auto stranger = open("stranger");
  auto refused = move_in(*stranger);
  CAF_REQUIRE(refused);
  CAF_CHECK_EQUAL(code_of(*refused), ec::conflict);
  auto full = open("full");
  fill(*full);
  auto kept = move_out(*full);
  CAF_REQUIRE(kept);
  CAF_CHECK_EQUAL(code_of(*kept), ec::conflict);
  CAF_CHECK(values(*full).size() == written);
}

CAF_TEST(an etcd with a registry of nodes is not overwritten) {
  set("shoal/data/barriers/n", "");
  set("shoal/data/refs/a", "1");
  auto store = open("one");
  fill(*store);
  auto refused = move_in(*store);
  CAF_REQUIRE(refused);
  CAF_CHECK_EQUAL(code_of(*refused), ec::conflict);
}

CAF_TEST(a store that was moved is a copy and no single node) {
  auto store = open("one");
  fill(*store);
  config.cluster = "blue";
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
  CAF_REQUIRE(move_in(*store).value());
  auto state = copy_state(*store);
  CAF_REQUIRE(state && state->is == store_state::kind::copy);
  CAF_CHECK_EQUAL(state->cluster, "blue");
  CAF_CHECK(!state->at.complete && state->at.revision > 0);
  CAF_CHECK_EQUAL(code_of(may_start_alone(*state)), ec::conflict);
  CAF_CHECK(may_start_in(*state, "blue"));
  CAF_CHECK(find({})->value().id == "blue");
  CAF_CHECK_EQUAL(code_of(*find({"green", true})), ec::conflict);

  CAF_MESSAGE("it is not moved into another cluster");
  config.prefix = "other/";
  config.cluster.clear();
  CAF_CHECK_EQUAL(code_of(*move_in(*store)), ec::conflict);
  CAF_CHECK_EQUAL(keys_below("other/"), 0u);
  CAF_CHECK_EQUAL(code_of(*withdraw(*store)), ec::conflict);

  CAF_MESSAGE("and out again it is a single node's");
  config.prefix = "shoal/";
  CAF_REQUIRE(move_out(*store).value());
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
  CAF_CHECK_EQUAL(values(*store).size(), written);
}

CAF_TEST(nothing is moved while a node runs) {
  set("shoal/nodes/n", "{}");
  auto store = open("one");
  fill(*store);
  CAF_CHECK_EQUAL(code_of(*move_in(*store)), ec::conflict);
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
  set("shoal/nodes/n", std::nullopt);
  move_some(*store);
  set("shoal/nodes/n", "{}");
  CAF_CHECK_EQUAL(code_of(*move_in(*store)), ec::conflict);
  CAF_CHECK_EQUAL(code_of(*withdraw(*store)), ec::conflict);
  set("shoal/nodes/n", std::nullopt);
  CAF_REQUIRE(move_in(*store).value());
  set("shoal/nodes/n", "{}");
  auto other = open("other");
  CAF_CHECK_EQUAL(code_of(*move_out(*other)), ec::conflict);
  CAF_CHECK(copy_state(*other)->is == store_state::kind::empty);
  CAF_CHECK(move_in(*store)->value() == written); // It is done.
}

CAF_TEST(a node that starts while a migration begins ends it) {
  auto store = open("one");
  fill(*store);
  auto early = find({"", true});
  CAF_REQUIRE(early && *early);
  migration_into_etcd job{*link, *store, clock, config};
  std::optional<result<uint64_t>> got;
  job.start([&](auto outcome) { got = std::move(outcome); });
  bool joined = false;
  etcd.on_change = [&](const sim::etcd_state::change& made) {
    for (const auto& e : made.events)
      if (e.kv.key == keys.migration() && !std::exchange(joined, true))
        time.after(0ms, [&] { set("shoal/nodes/n", "{}"); });
  };
  for (int i = 0; i < 1000 && !got; ++i) {
    job.advance();
    time.run_for(1ms);
  }
  etcd.on_change = nullptr;
  CAF_REQUIRE(got && joined);
  CAF_CHECK_EQUAL(code_of(*got), ec::conflict);
  CAF_CHECK_EQUAL(keys_below("shoal/data/"), 0u);
  CAF_CHECK_EQUAL(keys_below(keys.migration()), 0u);
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
}

CAF_TEST(no node starts before all is moved) {
  auto store = open("one");
  fill(*store);
  CAF_CHECK_EQUAL(code_of(*find({})), ec::not_found);
  move_some(*store);
  CAF_CHECK_EQUAL(code_of(*find({"", true})), ec::conflict);
  auto half = copy_state(*store);
  CAF_REQUIRE(half && half->is == store_state::kind::moving);
  CAF_CHECK_EQUAL(code_of(may_start_alone(*half)), ec::conflict);
  CAF_CHECK_EQUAL(code_of(may_start_in(*half, "x")), ec::conflict);
  auto other = open("other");
  CAF_CHECK_EQUAL(code_of(*move_out(*other)), ec::conflict);
  CAF_REQUIRE(move_in(*store).value());
  auto found = find({"", true});
  CAF_REQUIRE(found && *found);
  CAF_CHECK((*found)->unmoved.equals == etcd.state().find(keys.migration())->mod_revision);
}

CAF_TEST(what others have written into etcd is not overwritten) {
  auto store = open("one");
  fill(*store);
  move_some(*store);
  auto last = "shoal/data/users/" + std::string(1, static_cast<char>(59 * 4)) + "/\xff";
  set(last, "theirs");
  CAF_CHECK_EQUAL(code_of(*move_in(*store)), ec::conflict);
  CAF_CHECK(etcd.state().find(last)->value == "theirs");
}

CAF_TEST(a difference is found and what is local is the way out) {
  auto store = open("one");
  fill(*store);
  move_some(*store);
  auto first = values(*store).begin()->first;
  CAF_REQUIRE(first.starts_with("acceptances/")); // It was copied already.
  CAF_REQUIRE(store->commit(put_request(table::acceptances, first.substr(12), "later")));
  CAF_REQUIRE(store->commit(put_request(table::aliases, std::string("\0new", 4), "later")));
  auto before = values(*store);
  CAF_CHECK_EQUAL(code_of(*move_in(*store)), ec::corrupt);
  CAF_CHECK_EQUAL(code_of(*find({})), ec::conflict);
  auto back = withdraw(*store);
  CAF_REQUIRE(back && *back);
  CAF_CHECK_EQUAL((*back)->erased, written);
  CAF_CHECK_EQUAL((*back)->differed, 1u);
  CAF_CHECK_EQUAL(keys_below("shoal/data/"), 0u);
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
  CAF_CHECK_EQUAL(code_of(*withdraw(*store)), ec::not_found);
  CAF_CHECK(move_in(*store)->value() == written + 1);
  auto other = open("other");
  CAF_REQUIRE(move_out(*other).value());
  CAF_CHECK(values(*other) == before);
}

CAF_TEST(a withdrawal goes on whatever is lost) {
  auto store = open("one");
  fill(*store);
  move_some(*store);
  etcd.faults().lost = 100;
  etcd.faults().late = 100;
  auto back = withdraw(*store);
  CAF_REQUIRE(back && *back);
  time.run_for(20s);
  CAF_CHECK_EQUAL(keys_below("shoal/data/"), 0u);
  CAF_CHECK_EQUAL(keys_below(keys.migration()), 0u);
  CAF_CHECK(copy_state(*store)->is == store_state::kind::single);
}

CAF_TEST(a comparison asks with pauses) {
  auto store = open("one");
  fill(*store);
  CAF_REQUIRE(move_in(*store).value());
  faulty_store faulty{*link};
  faulty.refuses_reads = true;
  registry_check check{faulty, *store, clock, keys};
  std::optional<result<uint64_t>> got;
  auto begin = time.now();
  check.start(0, [&](auto outcome) { got = std::move(outcome); });
  for (auto end = begin + 1000s; !got && time.now() < end;) {
    check.advance();
    time.run_for(20ms);
  }
  CAF_REQUIRE(got && !*got);
  CAF_CHECK_EQUAL(faulty.reads, 10u);
  CAF_CHECK(time.now() - begin >= 20s);
  faulty.refuses_reads = false;
  got.reset();
  set("shoal/data/refs/x", "only there");
  check.start(0, [&](auto outcome) { got = std::move(outcome); });
  time.run_for(1s);
  CAF_REQUIRE(got);
  CAF_CHECK_EQUAL(code_of(*got), ec::corrupt);
}

CAF_TEST(who is denied access hears it at once) {
  auto store = open("one");
  fill(*store);
  move_some(*store);
  auto other = open("other");
  faulty_store denying{*link};
  denying.next = faulty_store::fault::refuse;
  denying.refuses_reads = true;
  denying.refusal = ec::unauthorized;
  migration_into_etcd in{denying, *store, clock, config};
  migration_into_lmdb out{denying, *other, clock, config};
  migration_withdrawal back{denying, *store, clock, config};
  registry_check check{denying, *store, clock, keys};
  auto begin = time.now();
  auto moved_in = run(in, 300s);
  auto moved_out = run(out, 300s);
  auto withdrawn = run<migration_withdrawal::outcome>(back, 300s);
  std::optional<result<uint64_t>> compared;
  check.start(0, [&](auto outcome) { compared = std::move(outcome); });
  time.run_for(100ms);
  CAF_CHECK(time.now() - begin < 1s);
  CAF_REQUIRE(moved_in && moved_out && withdrawn && compared);
  CAF_CHECK_EQUAL(code_of(*moved_in), ec::unauthorized);
  CAF_CHECK_EQUAL(code_of(*moved_out), ec::unauthorized);
  CAF_CHECK_EQUAL(code_of(*withdrawn), ec::unauthorized);
  CAF_CHECK_EQUAL(code_of(*compared), ec::unauthorized);
  CAF_CHECK(move_in(*store)->value() == written); // Nothing is spoilt.
}

CAF_TEST(without etcd it gives up in the end) {
  auto store = open("one");
  fill(*store);
  link->cut(true, true);
  config.patience = 20s;
  auto in = move_in(*store);
  CAF_REQUIRE(in);
  CAF_CHECK(!*in);
  auto other = open("other");
  auto out = move_out(*other);
  CAF_REQUIRE(out);
  CAF_CHECK(!*out);
}

CAF_TEST_FIXTURE_SCOPE_END()
