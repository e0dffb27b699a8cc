// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.lmdb_commit_store

#include "cluster/lmdb_commit_store.hpp"

#include "core/limits.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;

namespace {

struct fixture {
  /// @returns where the answer will stand.
  std::shared_ptr<std::optional<result<uint64_t>>> commit(durable_write what) {
    auto got = std::make_shared<std::optional<result<uint64_t>>>();
    commits.commit(std::move(what), [got](result<uint64_t> outcome) {
      SHOAL_CHECK(!*got);
      *got = std::move(outcome);
    });
    return got;
  }

  temp_folder folder;
  std::unique_ptr<lmdb_store> store = open_store(store_config(folder.path() / "store"));
  int woken = 0;
  std::vector<size_t> batches;
  lmdb_commit_store commits{
      *store,
      {[this] { ++woken; }, [this](auto, auto outcomes) { batches.push_back(outcomes.size()); }}};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lmdb_commit_store_tests, fixture)

CAF_TEST(what gathers shares one commit and wakes once) {
  auto a = commit({put_request(table::refs, "a", "1"), {}, {}, {}});
  auto b = commit({create_request(table::refs, "a", "2"), 7, {}, {}});
  auto c = commit({put_request(table::refs, "c", "3"), {}, {}, {}});
  CAF_CHECK(!*a);
  CAF_CHECK_EQUAL(woken, 1);
  auto before = store->stats().commits;
  commits.flush();
  CAF_CHECK(store->stats().commits == before + 1);
  CAF_CHECK((batches == std::vector<size_t>{3}));
  CAF_CHECK(a->value() && c->value());
  CAF_CHECK_EQUAL(code_of(b->value()), ec::conflict);
  CAF_CHECK_EQUAL(value_of(*store, table::refs, "c"), "3");
  commit({put_request(table::refs, "d", "1"), {}, {}, {}});
  CAF_CHECK_EQUAL(woken, 2);
}

CAF_TEST(a write with an id happens once) {
  auto first = commit({put_request(table::users, "u", "1"), {}, "a/1", {}});
  commits.flush();
  auto again = commit({put_request(table::users, "u", "2"), {}, "a/1", {}});
  commits.flush();
  CAF_REQUIRE(first->value() && again->value());
  CAF_CHECK(again->value() == first->value());
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "1");
  commit({put_request(table::users, "u", "3"), {}, "a/2", {"a/1"}});
  commits.flush();
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "3");
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "flushes/a/1"), "absent");
}

CAF_TEST(a conflict of a write with an id that has not happened is one) {
  auto guarded = put_request(table::users, "u", "1");
  guarded.guards.push_back({table::users, "u", 99});
  auto got = commit({guarded, {}, "a/1", {}});
  commits.flush();
  CAF_CHECK_EQUAL(code_of(got->value()), ec::conflict);
}

CAF_TEST(a full queue refuses at once) {
  for (size_t i = 0; i < limits::commit_queue_max; ++i)
    commit({put_request(table::refs, "k", "v"), {}, {}, {}});
  auto late = commit({put_request(table::refs, "late", "v"), {}, {}, {}});
  CAF_REQUIRE(*late);
  CAF_CHECK_EQUAL(code_of(late->value()), ec::busy);
  commits.flush();
  CAF_CHECK_EQUAL(batches.size(), limits::commit_queue_max / limits::commit_batch_max);
  CAF_CHECK_EQUAL(value_of(*store, table::refs, "late"), "absent");
}

CAF_TEST(an answer may ask for the next commit) {
  bool second = false;
  commits.commit({put_request(table::refs, "a", "1"), {}, {}, {}}, [&](const auto&) {
    commits.commit({put_request(table::refs, "b", "1"), {}, {}, {}},
                   [&](const auto& outcome) { second = outcome.has_value(); });
  });
  commits.flush();
  CAF_CHECK(!second);
  CAF_CHECK_EQUAL(commits.waiting(), 1u);
  commits.flush();
  CAF_CHECK(second);
}

CAF_TEST_FIXTURE_SCOPE_END()
