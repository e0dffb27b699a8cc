// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_files

#include "persistence/object_files.hpp"

#include "core/limits.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

#include <thread>

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr std::string_view abc_hex
    = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, B.1.

struct fixture {
  temp_folder folder;
  fs::path root = folder.path() / "data";
  std::unique_ptr<object_files> objects = open_objects(root);
  sha256_digest abc = *sha256_digest::from_hex(abc_hex);

  static std::unique_ptr<object_files> open_objects(const fs::path& where) {
    auto opened = object_files::open(where);
    SHOAL_CHECK(opened.has_value());
    return std::move(*opened);
  }

  object_files::upload begin(std::optional<uint64_t> size_bytes = std::nullopt) {
    auto begun = objects->begin(size_bytes);
    SHOAL_CHECK(begun.has_value());
    return std::move(*begun);
  }

  /// Files below the root: objects and what is under way.
  size_t files() const {
    size_t n = 0;
    for (const auto& item : fs::recursive_directory_iterator(root))
      n += item.is_regular_file() ? 1 : 0;
    return n;
  }

  void check_usage(uint64_t count, uint64_t bytes) const {
    CAF_CHECK_EQUAL(objects->usage().count, count);
    CAF_CHECK_EQUAL(objects->usage().bytes, bytes);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_files_tests, fixture)

CAF_TEST(an object is found under its hash) {
  auto digest = objects->put("abc");
  CAF_REQUIRE(digest.has_value());
  CAF_CHECK_EQUAL(digest->hex(), abc_hex);
  CAF_CHECK(objects->path_of(abc) == root / "objects" / "ba" / "78" / abc_hex);
  CAF_CHECK_EQUAL(file_bytes(objects->path_of(abc)), "abc");
  CAF_CHECK_EQUAL(objects->size(abc).value_or(0), 3u);
  CAF_CHECK_EQUAL(objects->read(abc, 3).value_or(""), "abc");
}

CAF_TEST(an object may arrive in pieces and be empty) {
  auto upload = begin();
  for (auto piece : {"a", "", "b", "c"})
    CAF_CHECK(upload.append(as_bytes(piece)));
  CAF_CHECK_EQUAL(upload.size(), 3u);
  CAF_CHECK(upload.finish(abc).has_value());
  auto nothing = begin(0).finish();
  CAF_REQUIRE(nothing.has_value());
  CAF_CHECK_EQUAL(objects->size(*nothing).value_or(9), 0u);
  CAF_CHECK_EQUAL(objects->read(*nothing, 0).value_or("x"), "");
  check_usage(2, 3);
}

CAF_TEST(bytes with another hash leave nothing behind) {
  auto upload = begin(3);
  CAF_CHECK(upload.append(as_bytes("abd")));
  CAF_CHECK(code_of(upload.finish(abc)) == ec::hash_mismatch);
  CAF_CHECK_EQUAL(files(), 0u);
  check_usage(0, 0);
}

CAF_TEST(more or fewer bytes than announced are refused) {
  auto more = begin(2);
  CAF_CHECK(code_of(more.append(as_bytes("abc"))) == ec::too_large);
  auto fewer = begin(4);
  CAF_CHECK(fewer.append(as_bytes("abc")));
  CAF_CHECK(code_of(fewer.finish(abc)) == ec::hash_mismatch);
  CAF_CHECK(code_of(objects->begin(limits::object_bytes_max + 1)) == ec::too_large);
  CAF_CHECK(code_of(objects->begin(UINT64_MAX)) == ec::too_large);
}

CAF_TEST(an abandoned upload is removed) {
  {
    auto upload = begin(1000);
    CAF_CHECK(upload.append(as_bytes("abc")));
    CAF_CHECK_EQUAL(files(), 1u);
    auto moved = std::move(upload);
    CAF_CHECK_EQUAL(files(), 1u);
    moved = begin();
    CAF_CHECK_EQUAL(files(), 1u);
  }
  CAF_CHECK_EQUAL(files(), 0u);
}

CAF_TEST(an upload may outlive its folder object) {
  auto upload = begin();
  objects.reset();
  CAF_CHECK(upload.append(as_bytes("abc")));
  CAF_CHECK(upload.finish(abc).has_value());
  objects = open_objects(root);
  check_usage(1, 3);
}

CAF_TEST(storing an object again is fine and counts once) {
  CAF_CHECK(objects->put("abc").has_value());
  CAF_CHECK(objects->put("abc").has_value());
  check_usage(1, 3);
  CAF_CHECK_EQUAL(files(), 1u);
}

CAF_TEST(threads may store the same objects) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this] {
      for (int i = 0; i < 50; ++i)
        SHOAL_CHECK(objects->put(std::to_string(100 + i)).has_value());
    });
  for (auto& thread : threads)
    thread.join();
  check_usage(50, 150);
  CAF_CHECK_EQUAL(files(), 50u);
}

CAF_TEST(a removed object is gone and removing it again is fine) {
  CAF_CHECK(objects->put("abc").has_value());
  CAF_CHECK(objects->remove(abc));
  CAF_CHECK(objects->remove(abc));
  CAF_CHECK(!objects->size(abc));
  CAF_CHECK(code_of(objects->read(abc, 10)) == ec::not_found);
  check_usage(0, 0);
}

CAF_TEST(an object that rots is noticed and healed by storing it again) {
  CAF_CHECK(objects->put("abc").has_value());
  write_file(objects->path_of(abc), "abX");
  CAF_CHECK(code_of(objects->read(abc, 10)) == ec::corrupt);
  CAF_CHECK(objects->put("abc").has_value());
  CAF_CHECK_EQUAL(objects->read(abc, 10).value_or(""), "abc");
}

CAF_TEST(reading is bounded) {
  CAF_CHECK(objects->put("abc").has_value());
  CAF_CHECK(code_of(objects->read(abc, 2)) == ec::too_large);
}

CAF_TEST(a restart forgets uploads and counts objects) {
  CAF_CHECK(objects->put("abc").has_value());
  CAF_CHECK(objects->put("defg").has_value());
  objects.reset();
  write_file(root / "incoming" / "17", "half an object");
  write_file(root / "objects" / "stray", "not ours");
  objects = open_objects(root);
  check_usage(2, 7);
  CAF_CHECK(fs::is_empty(root / "incoming"));
  CAF_CHECK(fs::exists(root / "objects" / "stray"));
}

CAF_TEST(a full disk is noticed before the first byte and leaves nothing behind) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  root = disk.path() / "data";
  objects = open_objects(root);
  CAF_CHECK(code_of(objects->begin(2 << 20)) == ec::storage_full);
  CAF_CHECK_EQUAL(files(), 0u);
  CAF_CHECK(code_of(objects->put(std::string(2 << 20, 'x'))) == ec::storage_full);
  {
    auto unknown = begin();
    auto appended = unknown.append(as_bytes(std::string(2 << 20, 'x')));
    CAF_CHECK(code_of(appended) == ec::storage_full);
  }
  CAF_CHECK_EQUAL(files(), 0u);
  CAF_CHECK(objects->put("abc").has_value());
  check_usage(1, 3);
}

CAF_TEST(a root that cannot be made is an error) {
  write_file(folder.path() / "file", "x");
  CAF_CHECK(code_of(object_files::open(folder.path() / "file")) == ec::storage_failed);
}

CAF_TEST_FIXTURE_SCOPE_END()
