// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.placing

#include "cmd/get/placing.hpp"

#include "core/limits.hpp"
#include "tests/unit/support/temp_folder.hpp"

#include <caf/test/unit_test.hpp>

#include <fstream>

using namespace shoal;
using namespace shoal::get;

namespace {

struct fixture {
  std::filesystem::path write(std::string_view bytes) {
    auto file = folder.path() / "file";
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  test::temp_folder folder;
  std::atomic<bool> stop{false};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(placing_tests, fixture)

CAF_TEST(a text is known by the name that git has for it) {
  auto id = hash_blob(write("hello\n"), stop); // git hash-object
  CAF_REQUIRE(id.has_value());
  CAF_CHECK_EQUAL(id->hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
  auto none = hash_blob(write(""), stop);
  CAF_REQUIRE(none.has_value());
  CAF_CHECK_EQUAL(none->hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

CAF_TEST(what git would not take has no such name) {
  auto file = write("x");
  std::filesystem::resize_file(file, limits::git_blob_bytes_max);
  CAF_CHECK(hash_blob(file, stop).has_value());
  std::filesystem::resize_file(file, limits::git_blob_bytes_max + 1);
  auto refused = hash_blob(file, stop);
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ec::too_large);
  CAF_CHECK(hash_blob(folder.path() / "absent", stop).error().code == ec::storage_failed);
}

CAF_TEST(hashing ends when it is told to) {
  auto file = write("x");
  stop = true;
  CAF_CHECK(hash_blob(file, stop).error().code == ec::shutting_down);
  CAF_CHECK(hash_file(file, stop).error().code == ec::shutting_down);
}

CAF_TEST_FIXTURE_SCOPE_END()
