// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.lmdb_store

#include "persistence/lmdb_store.hpp"

#include "core/limits.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture {
  temp_folder folder;
  lmdb_config config = store_config(folder.path() / "db");
  std::unique_ptr<lmdb_store> store = open_store(config);

  void reopen() {
    store.reset();
    store = open_store(config);
  }
};

std::vector<std::string> keys_of(const lmdb_store& store, table where, std::string_view from = {}) {
  std::vector<std::string> keys;
  auto scanned = store.scan(where, from, [&](std::string_view key, std::string_view, uint64_t) {
    keys.emplace_back(key);
    return true;
  });
  SHOAL_CHECK(scanned.has_value());
  return keys;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(lmdb_store_tests, fixture)

CAF_TEST(a committed value is there now and after a restart) {
  auto revision = store->commit(put_request(table::refs, "a/b@c", "value"));
  CAF_REQUIRE(revision.has_value());
  for (int round = 0; round < 2; ++round) {
    auto found = store->get(table::refs, "a/b@c");
    CAF_REQUIRE(found.has_value());
    CAF_REQUIRE(found->has_value());
    CAF_CHECK_EQUAL((*found)->value, "value");
    CAF_CHECK_EQUAL((*found)->revision, *revision);
    reopen();
  }
}

CAF_TEST(tables do not share keys) {
  CAF_CHECK(store->commit(put_request(table::refs, "k", "1")));
  CAF_CHECK_EQUAL(value_of(*store, table::refs, "k"), "1");
  for (auto other : {table::meta, table::entries, table::aliases, table::blocked, table::users})
    CAF_CHECK_EQUAL(value_of(*store, other, "k"), "absent");
}

CAF_TEST(empty and binary values and keys with zeros come back as they were) {
  std::string binary("\0\xff\0k", 4);
  CAF_CHECK(store->commit(put_request(table::users, binary, "")));
  CAF_CHECK(store->commit(put_request(table::users, "b", binary)));
  CAF_CHECK_EQUAL(value_of(*store, table::users, binary), "");
  CAF_CHECK_EQUAL(value_of(*store, table::users, "b"), binary);
}

CAF_TEST(an erased value is absent and erasing it again is fine) {
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
  commit_request erase;
  erase.mutations.push_back({table::users, "u", std::nullopt});
  CAF_CHECK(store->commit(erase));
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "absent");
  CAF_CHECK(store->commit(erase));
  CAF_CHECK_EQUAL(count_of(*store, table::users), 0u);
}

CAF_TEST(a key is created once) {
  CAF_CHECK(store->commit(create_request(table::entries, "h", "first")));
  auto again = store->commit(create_request(table::entries, "h", "second"));
  CAF_CHECK(code_of(again) == ec::conflict);
  CAF_CHECK_EQUAL(value_of(*store, table::entries, "h"), "first");
}

CAF_TEST(a guarded write needs the revision that it read) {
  auto first = *store->commit(put_request(table::entries, "h", "1"));
  auto request = put_request(table::entries, "h", "2");
  request.guards.push_back({table::entries, "h", first});
  auto second = store->commit(request);
  CAF_REQUIRE(second.has_value());
  CAF_CHECK_GREATER(*second, first);
  request.mutations.front().value = "3";
  CAF_CHECK(code_of(store->commit(request)) == ec::conflict);
  CAF_CHECK_EQUAL(value_of(*store, table::entries, "h"), "2");
  request.guards.front().key = "gone";
  CAF_CHECK(code_of(store->commit(request)) == ec::conflict);
}

CAF_TEST(one failed guard undoes all mutations of its request) {
  auto request = create_request(table::entries, "a", "1");
  request.mutations.push_back({table::aliases, "b", "1"});
  request.guards.push_back({table::entries, "c", 7});
  CAF_CHECK(code_of(store->commit(request)) == ec::conflict);
  CAF_CHECK_EQUAL(value_of(*store, table::entries, "a"), "absent");
  CAF_CHECK_EQUAL(value_of(*store, table::aliases, "b"), "absent");
}

CAF_TEST(requests of a batch share a commit and see each other and fail alone) {
  auto before = store->stats();
  std::vector<commit_request> batch;
  for (int i = 0; i < 100; ++i)
    batch.push_back(create_request(table::entries, std::to_string(i % 90), std::to_string(i)));
  batch.push_back(put_request(table::entries, "", "no key"));
  batch.push_back(put_request(table::users, "after", "1"));
  auto outcomes = store->commit(batch);
  CAF_REQUIRE_EQUAL(outcomes.size(), batch.size());
  for (size_t i = 0; i < 90; ++i)
    CAF_CHECK_EQUAL(outcomes[i].value_or(0), before.revision + 1 + i);
  for (size_t i = 90; i < 100; ++i)
    CAF_CHECK(code_of(outcomes[i]) == ec::conflict);
  CAF_CHECK(code_of(outcomes[100]) == ec::invalid_argument);
  CAF_CHECK_EQUAL(outcomes[101].value_or(0), before.revision + 91);
  CAF_CHECK_EQUAL(store->stats().commits, before.commits + 1);
  CAF_CHECK_EQUAL(value_of(*store, table::entries, "5"), "5");
  CAF_CHECK_EQUAL(count_of(*store, table::entries), 90u);
}

CAF_TEST(a batch of conflicts costs no commit) {
  CAF_CHECK(store->commit(create_request(table::entries, "h", "1")));
  auto before = store->stats();
  CAF_CHECK(!store->commit(create_request(table::entries, "h", "2")));
  CAF_CHECK_EQUAL(store->stats().commits, before.commits);
  CAF_CHECK_EQUAL(store->stats().revision, before.revision);
  CAF_CHECK(store->commit(std::span<const commit_request>{}).empty());
}

CAF_TEST(revisions never repeat across restarts and erasures) {
  uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::optional<std::string> value : {std::optional<std::string>("x"), {}}) {
      commit_request request;
      request.mutations.push_back({table::users, "u", value});
      auto revision = *store->commit(request);
      CAF_CHECK_GREATER(revision, last);
      last = revision;
    }
    reopen();
  }
}

CAF_TEST(keys and values beyond their bounds are refused) {
  std::string longest(limits::store_key_bytes_max, 'k');
  CAF_CHECK(store->commit(put_request(table::users, longest, "1")));
  CAF_CHECK_EQUAL(value_of(*store, table::users, longest), "1");
  CAF_CHECK(code_of(store->commit(put_request(table::users, longest + "k", "1")))
            == ec::invalid_argument);
  CAF_CHECK_EQUAL(value_of(*store, table::users, longest + "k"), "absent");
  CAF_CHECK_EQUAL(value_of(*store, table::users, ""), "absent");
  std::string big(limits::record_bytes_max, 'v');
  CAF_CHECK(store->commit(put_request(table::users, "v", big)));
  CAF_CHECK_EQUAL(value_of(*store, table::users, "v"), big);
  CAF_CHECK(code_of(store->commit(put_request(table::users, "v", big + "v"))) == ec::too_large);
}

CAF_TEST(the keys of the store itself cannot be written) {
  CAF_CHECK(code_of(store->commit(put_request(table::meta, "store.revision", "")))
            == ec::invalid_argument);
  CAF_CHECK(store->commit(put_request(table::meta, "node", "1")));
  CAF_CHECK_EQUAL(value_of(*store, table::meta, "node"), "1");
}

CAF_TEST(a scan goes in order from its first key until it is told to stop) {
  for (auto key : {"b", "a", "ca", "c", "d"})
    CAF_CHECK(store->commit(put_request(table::refs, key, key)));
  using strings = std::vector<std::string>;
  CAF_CHECK((keys_of(*store, table::refs) == strings{"a", "b", "c", "ca", "d"}));
  CAF_CHECK((keys_of(*store, table::refs, "c") == strings{"c", "ca", "d"}));
  CAF_CHECK((keys_of(*store, table::refs, "bb") == strings{"c", "ca", "d"}));
  CAF_CHECK((keys_of(*store, table::refs, "e") == strings{}));
  CAF_CHECK((keys_of(*store, table::refs, std::string(600, 'c')) == strings{"d"}));
  CAF_CHECK((keys_of(*store, table::blocked) == strings{}));
  size_t seen = 0;
  CAF_CHECK(store->scan(table::refs, {}, [&](auto, auto, uint64_t) { return ++seen < 2; }));
  CAF_CHECK_EQUAL(seen, 2u);
}

CAF_TEST(a long scan sees every key once although the table changes under it) {
  std::vector<commit_request> batch;
  for (int i = 100'000; i < 103'000; ++i)
    batch.push_back(put_request(table::entries, std::to_string(i), std::string(500, 'v')));
  store->commit(batch);
  std::vector<std::string> keys;
  auto visit = [&](std::string_view key, std::string_view value, uint64_t) {
    keys.emplace_back(key);
    CAF_CHECK_EQUAL(value.size(), 500u);
    // The visitor may use the store, also to erase what the scan stands on.
    commit_request erase;
    erase.mutations.push_back({table::entries, std::string(key), std::nullopt});
    if (keys.size() % 256 == 0)
      CAF_CHECK(store->commit(erase));
    return true;
  };
  CAF_CHECK(store->scan(table::entries, {}, visit));
  CAF_REQUIRE_EQUAL(keys.size(), 3000u);
  CAF_CHECK(std::is_sorted(keys.begin(), keys.end()));
  CAF_CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
  CAF_CHECK_EQUAL(count_of(*store, table::entries), 3000u - 3000u / 256);
}

CAF_TEST(a second opener is refused and the first goes on) {
  auto second = lmdb_store::open(config);
  CAF_REQUIRE(!second);
  CAF_CHECK_EQUAL(second.error().code, ec::unavailable);
  CAF_CHECK(second.error().detail.find("in use") != std::string::npos);
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
  reopen();
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "1");
}

CAF_TEST(a store of a newer program is refused in plain words) {
  store.reset();
  auto newer = config;
  newer.schema_version = store_schema_version + 1;
  newer.migrations.push_back({store_schema_version, [](lmdb_store&) { return result<void>(); }});
  CAF_CHECK(lmdb_store::open(newer).has_value());
  auto older = lmdb_store::open(config);
  CAF_REQUIRE(!older);
  CAF_CHECK_EQUAL(older.error().code, ec::unsupported);
  CAF_CHECK(older.error().detail.find("newer Shoal (schema 2") != std::string::npos);
  store = open_store(newer);
}

CAF_TEST(migrations run in order and a failed one runs again) {
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
  store.reset();
  auto append = [](std::string_view text) {
    return [text](lmdb_store& s) -> result<void> {
      auto value = value_of(s, table::users, "u") + std::string(text);
      auto done = s.commit(put_request(table::users, "u", value));
      return done ? result<void>() : tl::unexpected(done.error());
    };
  };
  auto later = config;
  later.schema_version = store_schema_version + 2;
  CAF_CHECK(code_of(lmdb_store::open(later)) == ec::unsupported);
  later.migrations.push_back({store_schema_version + 1, append("c")});
  later.migrations.push_back(
      {store_schema_version, [](lmdb_store&) -> result<void> { return fail(ec::storage_failed); }});
  CAF_CHECK(code_of(lmdb_store::open(later)) == ec::storage_failed);
  later.migrations.back().apply = append("b");
  store = open_store(later);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "1bc");
  store.reset();
  store = open_store(later);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "1bc");
}

CAF_TEST(senseless map sizes are refused) {
  auto bad = store_config(folder.path() / "other");
  bad.initial_map_bytes = 1;
  CAF_CHECK(code_of(lmdb_store::open(bad)) == ec::invalid_argument);
  bad.initial_map_bytes = bad.max_map_bytes + 1;
  CAF_CHECK(code_of(lmdb_store::open(bad)) == ec::invalid_argument);
}

CAF_TEST_FIXTURE_SCOPE_END()
