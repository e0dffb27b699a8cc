// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.migration

#include "cluster/migration.hpp"

#include "tests/sim/etcd_model.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

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

  /// Some of every table, with keys of every byte.
  void fill(lmdb_store& store) {
    std::vector<commit_request> all;
    for (auto where : shared_tables)
      for (int i = 0; i < 60; ++i)
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
  template <class Migration>
  std::optional<result<uint64_t>> run(Migration& job, sim::duration most) {
    std::optional<result<uint64_t>> got;
    job.start([&](result<uint64_t> outcome) {
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

  void set(const std::string& key, const std::string& value) {
    link->commit({{}, {{key, value, 0}}, {}}, time.now() + 1s, [](auto) {});
    time.run_for(100ms);
  }

  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> link = etcd.connect();
  std::function<mono_time()> clock = [this] { return time.now(); };
  temp_folder folder;
  migration_config config;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(migration_tests, fixture)

CAF_TEST(a registry goes into etcd and back and is the same) {
  auto store = open("one");
  fill(*store);
  auto in = move_in(*store);
  CAF_REQUIRE(in && *in);
  CAF_CHECK_EQUAL(**in, 300u);
  auto other = open("other");
  auto out = move_out(*other);
  CAF_REQUIRE(out && *out);
  CAF_CHECK_EQUAL(**out, 300u);
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
  CAF_CHECK_EQUAL(**in, 300u);
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
  CAF_CHECK_EQUAL(**again, 300u);
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
  CAF_CHECK(values(*full).size() == 300u);
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

CAF_TEST(a difference is found) {
  auto store = open("one");
  fill(*store);
  CAF_REQUIRE(move_in(*store).value());
  set("shoal/data/refs/x", "only there");
  auto more = move_in(*store);
  CAF_REQUIRE(more);
  CAF_CHECK_EQUAL(code_of(*more), ec::corrupt);
  CAF_REQUIRE(store->commit(put_request(table::refs, "x", "other")));
  auto other = move_in(*store);
  CAF_REQUIRE(other);
  CAF_CHECK_EQUAL(code_of(*other), ec::corrupt);
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
