// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.lmdb_replicate

#include "core/limits.hpp"
#include "tests/unit/persistence/support.hpp"
#include "tests/unit/support/killed_child.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

namespace {

mutation at(const std::string& text) {
  return {table::meta, "position", text};
}

replicated row(std::string key, std::optional<std::string> value, uint64_t revision) {
  return {table::refs, std::move(key), std::move(value), revision};
}

/// Each row and the position say the same; a byte for each transaction.
[[noreturn]] void write_for_ever(const fs::path& path, int told) {
  auto mine = open_store(store_config(path));
  for (uint64_t n = 1;; ++n) {
    auto text = std::to_string(n);
    SHOAL_CHECK(mine->replicate(std::vector{row("a", text, n), row("b", text, n)}, at(text)));
    SHOAL_CHECK(::write(told, "x", 1) == 1);
  }
}

struct fixture {
  fixture() { reopen(); }

  void reopen() {
    store.reset();
    store = open_store(store_config(folder.path() / "store"));
  }

  uint64_t revision_of(std::string_view key) const {
    auto found = store->get(table::refs, key);
    SHOAL_CHECK(found && *found);
    return (*found)->revision;
  }

  temp_folder folder;
  std::unique_ptr<lmdb_store> store;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lmdb_replicate_tests, fixture)

CAF_TEST(a copy has the revisions of what it copies) {
  std::vector<replicated> rows{row("a", "1", 900), row("b", "2", 17)};
  CAF_REQUIRE(store->replicate(rows, at("900")));
  reopen();
  CAF_CHECK_EQUAL(revision_of("a"), 900u);
  CAF_CHECK_EQUAL(revision_of("b"), 17u);
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "position"), "900");
}

CAF_TEST(what is erased there is erased here) {
  CAF_REQUIRE(store->replicate(std::vector{row("a", "1", 5)}, at("5")));
  CAF_REQUIRE(
      store->replicate(std::vector{row("a", std::nullopt, 6), row("x", std::nullopt, 6)}, at("6")));
  CAF_CHECK_EQUAL(value_of(*store, table::refs, "a"), "absent");
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "position"), "6");
}

CAF_TEST(commits here get revisions beyond those of the copy) {
  CAF_REQUIRE(store->replicate(std::vector{row("a", "1", 900)}, at("900")));
  reopen();
  auto own = store->commit(put_request(table::refs, "own", "1"));
  CAF_REQUIRE(own);
  CAF_CHECK(*own > 900);
  CAF_REQUIRE(store->replicate(std::vector{row("b", "1", 12)}, at("12")));
  auto next = store->commit(put_request(table::refs, "own", "2"));
  CAF_REQUIRE(next);
  CAF_CHECK(*next > *own);
}

CAF_TEST(what cannot be stored leaves all of it undone) {
  std::vector<replicated> rows{row("a", "1", 5),
                               row("b", std::string(limits::record_bytes_max + 1, 'x'), 5)};
  CAF_CHECK_EQUAL(code_of(store->replicate(rows, at("5"))), ec::too_large);
  rows[1] = row("", "1", 5);
  CAF_CHECK_EQUAL(code_of(store->replicate(rows, at("5"))), ec::invalid_argument);
  CAF_CHECK_EQUAL(value_of(*store, table::refs, "a"), "absent");
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "position"), "absent");
}

CAF_TEST(a copy larger than the map makes the map grow) {
  std::vector<replicated> rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back(row("k" + std::to_string(i), std::string(100'000, 'x'), 7));
  CAF_REQUIRE(store->replicate(rows, at("7")));
  CAF_CHECK(store->stats().growths > 0);
  CAF_CHECK_EQUAL(count_of(*store, table::refs), 40u);
}

CAF_TEST(a copy on a full map takes what erases) {
  auto config = store_config(folder.path() / "full");
  config.initial_map_bytes = 256 * 1024;
  config.max_map_bytes = 2 << 20;
  store = open_store(config);
  int count = 0;
  for (const std::string value(4000, 'x'); count < 10'000; ++count)
    if (!store->replicate(std::vector{row(std::to_string(100'000 + count), value, 7)}, at("7")))
      break;
  CAF_REQUIRE(count > 100 && count < 10'000);
  std::vector<replicated> gone;
  for (int i = 0; i < count; ++i)
    gone.push_back(row(std::to_string(100'000 + i), std::nullopt, 8));
  CAF_CHECK(store->replicate(gone, at("8")));
  CAF_CHECK_EQUAL(count_of(*store, table::refs), 0u);
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "position"), "8");
  CAF_CHECK_LESS(store->stats().map_bytes, config.max_map_bytes + (1 << 20));
  CAF_CHECK(store->replicate(std::vector{row("a", "1", 9)}, at("9")));
}

CAF_TEST(a kill in the middle leaves changes and position together) {
  store.reset();
  for (int round = 0; round < 8; ++round) {
    // So many are done; it is amidst the next.
    CAF_REQUIRE(kill_after<char>(
        10 + round, [&](int report_fd) { write_for_ever(folder.path() / "store", report_fd); },
        [](char) {}));
    reopen();
    auto position = value_of(*store, table::meta, "position");
    CAF_CHECK_EQUAL(value_of(*store, table::refs, "a"), position);
    CAF_CHECK_EQUAL(value_of(*store, table::refs, "b"), position);
    store.reset();
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
