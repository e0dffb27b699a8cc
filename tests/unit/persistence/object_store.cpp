// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_store

#include "persistence/object_store.hpp"

#include "tests/unit/persistence/object_store_fixture.hpp"

#include <caf/test/unit_test.hpp>

#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

CAF_TEST_FIXTURE_SCOPE(object_store_tests, object_store_fixture)

CAF_TEST(what is put is pinned and what is pulled is cached) {
  auto kept = put("abc", "ref:a");
  auto cached = pull(std::string(10'000, 'c'));
  CAF_CHECK_EQUAL(bytes_of(kept), "abc");
  CAF_CHECK_EQUAL(bytes_of(cached), std::string(10'000, 'c'));
  CAF_CHECK(code_of(store->read(sha256("nothing"))) == ec::not_found);
  check_totals(1, 3, 1, 10'000);
  reopen();
  check_totals(1, 3, 1, 10'000);
  CAF_CHECK_EQUAL(store->census().added + store->census().mended, 0u);
  CAF_CHECK_EQUAL(store->size(cached).value_or(0), 10'000u);
}

CAF_TEST(the cache stays within its bound and pins are not of it) {
  auto pinned = put(std::string(2 << 20, 'p'), "ref:a");
  std::vector<sha256_digest> all;
  for (int i = 0; i < 30; ++i)
    all.push_back(pull(numbered(i, 100'000)));
  auto usage = store->usage();
  CAF_CHECK_LESS_OR_EQUAL(usage.cached.bytes, cache_bytes);
  CAF_CHECK_EQUAL(usage.cached.count, 10u);
  CAF_CHECK_EQUAL(usage.evicted, 20u);
  CAF_CHECK(store->size(pinned).has_value());
  CAF_CHECK(!store->size(all.front()));
  CAF_CHECK(store->size(all.back()).has_value());
  CAF_CHECK_EQUAL(store->index().count().value_or(0), 11u);
}

CAF_TEST(a reader keeps its object from being evicted) {
  auto object = pull(numbered(0, 100'000));
  {
    auto reader = store->read(object);
    CAF_REQUIRE(reader.has_value());
    for (int i = 1; i < 40; ++i)
      pull(numbered(i, 100'000));
    CAF_CHECK(store->size(object).has_value());
  }
  for (int i = 40; i < 80; ++i) // It was asked for once: so are these.
    CAF_CHECK(store->read(pull(numbered(i, 100'000))).has_value());
  CAF_CHECK(!store->size(object));
}

CAF_TEST(room that is not filled is given back) {
  {
    auto room = store->make_room(cache_bytes);
    CAF_REQUIRE(room.has_value());
    CAF_CHECK(code_of(store->make_room(1)) == ec::storage_full);
    CAF_CHECK_EQUAL(cache_use(), cache_bytes);
  }
  CAF_CHECK_EQUAL(cache_use(), 0u);
  CAF_CHECK(code_of(store->make_room(cache_bytes + 1)) == ec::storage_full);
}

CAF_TEST(the same bytes are stored once whoever brings them) {
  auto cached = pull("the same");
  auto kept = put("the same", "ref:a");
  CAF_CHECK((cached == kept));
  check_totals(1, 8, 0, 0);
  pull("the same");
  check_totals(1, 8, 0, 0);
  CAF_CHECK_EQUAL(cache_use(), 0u);
  put("the same", "ref:b");
  check_totals(1, 8, 0, 0);
}

CAF_TEST(an object moves between kept and cached with its pins) {
  auto object = pull("abc");
  CAF_REQUIRE(store->pin("ref:a", {object, object}));
  CAF_REQUIRE(store->pin("ref:b", {object}));
  check_totals(1, 3, 0, 0);
  CAF_REQUIRE(store->unpin("ref:a", {object}));
  check_totals(1, 3, 0, 0);
  CAF_REQUIRE(store->unpin_all("ref:b"));
  check_totals(0, 0, 1, 3);
  CAF_CHECK_EQUAL(bytes_of(object), "abc");
  CAF_CHECK_EQUAL(pins(object), 0u);
  CAF_CHECK(code_of(store->pin("ref:a", {sha256("nothing")})) == ec::not_found);
  fs::remove(cached_path(object));
  CAF_CHECK(code_of(store->pin("ref:a", {object})) == ec::not_found);
}

CAF_TEST(what nobody pins and the cache cannot take goes) {
  auto object = put(std::string(cache_bytes + 1, 'x'), "ref:a");
  CAF_REQUIRE(store->unpin_all("ref:a"));
  CAF_CHECK(!store->size(object));
  CAF_CHECK_EQUAL(store->index().count().value_or(9), 0u);
}

CAF_TEST(uploads of the other interface can be pinned) {
  auto object = store->files().put("abc");
  CAF_REQUIRE(object.has_value());
  CAF_CHECK_EQUAL(bytes_of(*object), "abc");
  CAF_REQUIRE(store->pin("ref:a", {*object}));
  CAF_REQUIRE(store->unpin_all("ref:a"));
  check_totals(0, 0, 1, 3);
}

CAF_TEST(a removed object is gone whoever pins it) {
  auto object = put("abc", "ref:a");
  CAF_REQUIRE(store->remove(object));
  CAF_CHECK(!store->size(object));
  CAF_CHECK(store->lost({}, 10).empty());
  CAF_CHECK(store->index().owners_of(object, 10)->empty());
}

CAF_TEST(a lost index is made again from the folders) {
  auto kept = put("abc", "ref:a");
  auto cached = pull("cached");
  auto unclaimed = store->files().put("upload");
  store.reset();
  fs::remove_all(root / "index");
  reopen();
  CAF_CHECK_EQUAL(store->census().added, 3u);
  check_totals(2, 9, 1, 6);
  for (auto& object : {kept, cached, *unclaimed})
    CAF_CHECK(store->read(object).has_value());
  pull(numbered(0, cache_bytes));
  CAF_CHECK(!store->size(cached)); // It is known to be cached still.
  CAF_CHECK(store->size(kept).has_value());
  CAF_REQUIRE(store->pin("ref:a", {kept})); // As whoever knows the reference does.
}

CAF_TEST(a record without its file is dropped or reported) {
  auto kept = put("abc", "ref:a");
  auto cached = pull("cached");
  auto path = root / "objects" / kept.hex().substr(0, 2) / kept.hex().substr(2, 2) / kept.hex();
  store.reset();
  CAF_REQUIRE(fs::remove(path));
  CAF_REQUIRE(fs::remove(cached_path(cached)));
  reopen();
  CAF_CHECK_EQUAL(store->census().dropped, 1u);
  CAF_CHECK((store->lost({}, 10) == std::vector{kept}));
  CAF_CHECK_EQUAL(store->usage().lost, 1u);
  CAF_CHECK(code_of(store->read(kept)) == ec::not_found);
  auto good = write_temp("abc");
  CAF_REQUIRE(store->take(good, kept, ""));
  CAF_CHECK(store->lost({}, 10).empty());
  CAF_CHECK_EQUAL(bytes_of(kept), "abc");
  CAF_CHECK_EQUAL(pins(kept), 1u); // Nobody had to pin it again.
}

CAF_TEST(a start completes what a killed process had begun) {
  auto pinned = pull("pinned");
  auto given_back = put("given back", "ref:a");
  auto theirs = folder.path() / "theirs";
  write_file(theirs, "in place");
  auto in_place = adopt_in_place(theirs, "ref:a");
  CAF_REQUIRE(in_place.has_value());
  store.reset();
  {
    auto index = object_index::open(root / "index");
    CAF_REQUIRE(index.has_value());
    object_record cached;
    cached.size_bytes = 6;
    CAF_REQUIRE((*index)->pin("ref:b", std::vector{object_index::row{pinned, cached, false}}));
    CAF_REQUIRE((*index)->unpin("ref:a", std::vector{given_back, *in_place}).has_value());
  }
  reopen();
  check_totals(1, 6, 1, 10);
  CAF_CHECK_EQUAL(bytes_of(pinned), "pinned");
  CAF_CHECK_EQUAL(bytes_of(given_back), "given back");
  CAF_CHECK(!store->size(*in_place));
  CAF_CHECK_EQUAL(store->usage().in_place.count, 0u);
}

CAF_TEST(uploads that nobody pins can be found) {
  auto upload = store->files().put("upload");
  put("pinned", "ref:a");
  reopen(); // Now the index knows it.
  auto found = store->unclaimed(2'000'000'000, 10);
  CAF_REQUIRE(found.has_value());
  CAF_CHECK((*found == std::vector{*upload}));
  CAF_CHECK(store->unclaimed(0, 10)->empty());
}

CAF_TEST(what the cache has learned survives a restart) {
  auto asked = pull(numbered(0, 100'000));
  for (int i = 0; i < 2; ++i)
    CAF_CHECK(store->read(asked).has_value());
  reopen();
  for (int i = 1; i < 40; ++i)
    pull(numbered(i, 100'000));
  CAF_CHECK(store->size(asked).has_value());
  reopen(cache_bytes / 2);
  CAF_CHECK_LESS_OR_EQUAL(cache_use(), cache_bytes / 2);
}

CAF_TEST(a full disk refuses and tears nothing and cached objects make room) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  root = disk.path() / "data";
  reopen();
  auto cached = pull(numbered(0, 300'000));
  auto kept = put(numbered(1, 200'000), "ref:a");
  CAF_CHECK(code_of(store->put(numbered(2, 1'000'000), "ref:b")) == ec::storage_full);
  CAF_CHECK(!store->size(cached)); // It went for nothing, but it is cached only.
  CAF_CHECK_EQUAL(bytes_of(kept).size(), 200'000u);
  cached = pull(numbered(3, 200'000));
  auto next = store->put(numbered(4, 550'000), "ref:b");
  CAF_CHECK(next.has_value());
  CAF_CHECK(!store->size(cached));
  reopen();
  CAF_CHECK_EQUAL(bytes_of(kept).size(), 200'000u);
  CAF_CHECK_EQUAL(store->census().mended + store->census().added, 0u);
}

CAF_TEST(readers and pulls and pins of many threads keep the bound and the bytes) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        auto bytes = numbered((i * 7 + t) % 40, 60'000);
        auto object = sha256(bytes);
        if (auto reader = store->read(object)) {
          std::string got(reader->size_bytes, '\0');
          auto n = ::pread(reader->file.get(), got.data(), got.size(), 0);
          wrong += n != static_cast<ssize_t>(got.size()) || got != bytes;
        } else if (i % 5 == 4) {
          wrong += !store->put(bytes, "ref:" + std::to_string(t)).has_value();
        } else if (auto room = store->make_room(bytes.size())) {
          wrong += !room->fill(write_temp(bytes), object).has_value();
        }
        if (i % 20 == 19)
          wrong += !store->unpin_all("ref:" + std::to_string(t)).has_value();
        wrong += store->usage().cache_bytes > cache_bytes;
      }
    });
  for (auto& thread : threads)
    thread.join();
  CAF_CHECK_EQUAL(wrong, 0);
  auto before = store->usage();
  reopen();
  CAF_CHECK_EQUAL(store->census().mended + store->census().added + store->census().dropped, 0u);
  check_totals(before.kept.count, before.kept.bytes, before.cached.count, before.cached.bytes);
}

CAF_TEST_FIXTURE_SCOPE_END()
