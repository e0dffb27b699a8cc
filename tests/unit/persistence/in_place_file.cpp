// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.in_place_file

#include "persistence/in_place_file.hpp"

#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture {
  temp_folder folder;
  fs::path roots = make("roots");
  fs::path outside = make("outside");

  fs::path make(const char* name) const {
    auto path = folder.path() / name;
    fs::create_directories(path);
    return path;
  }

  result<in_place_file> open(const fs::path& file) const {
    return in_place_file::open(file, {folder.path() / "none", roots});
  }

  bool is_refused(const fs::path& file) const {
    auto opened = open(file);
    return !opened && opened.error().code == ec::invalid_argument;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(in_place_file_tests, fixture)

CAF_TEST(a file is hashed bit by bit) {
  write_file(roots / "file", "abcdef");
  auto file = open(roots / "file");
  CAF_REQUIRE(file.has_value());
  CAF_CHECK_EQUAL(file->size_bytes(), 6u);
  auto some = file->hash_some(4);
  CAF_CHECK(some && !*some);
  CAF_CHECK_EQUAL(file->hashed_bytes(), 4u);
  CAF_CHECK(!file->finish());
  auto rest = file->hash_some(4);
  CAF_CHECK(rest && *rest);
  auto object = file->finish();
  CAF_CHECK(object && *object == sha256("abcdef"));
  CAF_CHECK(file->finish() == object);
}

CAF_TEST(a file that changes while it is hashed is refused) {
  write_file(roots / "file", "abcdef");
  for (std::string_view other : {"abcdeX", "abcdefg", "abc"}) {
    auto file = open(roots / "file");
    CAF_REQUIRE(file.has_value());
    write_file(roots / "file", other);
    CAF_REQUIRE(file->hash_some(100).has_value());
    auto object = file->finish();
    CAF_CHECK(!object && object.error().code == ec::conflict);
  }
  auto file = open(roots / "file");
  CAF_REQUIRE(file.has_value());
  CAF_REQUIRE(file->hash_some(100).has_value());
  write_file(roots / "new", "abc");
  fs::rename(roots / "new", roots / "file");
  CAF_CHECK(!file->finish());
}

CAF_TEST(only files of the folders are opened wherever links lead) {
  write_file(outside / "secret", "secret");
  fs::create_symlink(outside / "secret", roots / "link");
  fs::create_symlink(outside, roots / "way");
  write_file(folder.path() / "roots-not", "beside");
  CAF_CHECK(is_refused(outside / "secret"));
  CAF_CHECK(is_refused(roots / "link"));
  CAF_CHECK(is_refused(roots / "way" / "secret"));
  CAF_CHECK(is_refused(roots / ".." / "outside" / "secret"));
  CAF_CHECK(is_refused(folder.path() / "roots-not"));
  CAF_CHECK(is_refused(roots));
  CAF_CHECK(is_refused(roots / "nothing"));
  CAF_CHECK(is_refused("/dev/null"));
  write_file(roots / "file", "abc");
  fs::create_symlink(roots / "file", outside / "back");
  auto file = open(outside / "back");
  CAF_CHECK(file && file->path() == fs::canonical(roots / "file"));
}

CAF_TEST_FIXTURE_SCOPE_END()
