// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.origin_book
#include "persistence/origin_book.hpp"

#include "tests/unit/support/temp_folder.hpp"

#include <caf/test/unit_test.hpp>

#include <fstream>

using namespace shoal;

namespace {

origin_record sample() {
  return {1000, "tag", std::string(40, 'c'), sha256("bytes"), sha1("blob"), 77};
}

} // namespace

CAF_TEST(what was noted is found again after a restart) {
  test::temp_folder folder;
  auto name = "model/org/model@main/" + std::string(2000, 'x');
  {
    auto book = origin_book::open(folder.path() / "book");
    CAF_REQUIRE(book);
    CAF_CHECK(!(*book)->find(name));
    CAF_CHECK((*book)->put(name, sample()));
    CAF_CHECK((*book)->put("other", {}));
  }
  auto book = origin_book::open(folder.path() / "book");
  CAF_REQUIRE(book);
  CAF_CHECK((*book)->find(name) == sample());
  CAF_CHECK((*book)->find("other") == origin_record{});
  CAF_CHECK(!(*book)->find("nobody"));
}

CAF_TEST(a record is written and read and anything else refused) {
  auto bytes = encode(sample());
  CAF_CHECK(decode_origin(bytes).value() == sample());
  CAF_CHECK(!decode_origin(bytes.substr(0, bytes.size() - 1)));
  CAF_CHECK(!decode_origin(""));
  CAF_CHECK(!decode_origin("nonsense"));
}

CAF_TEST(a damaged book is begun anew) {
  test::temp_folder folder;
  std::filesystem::create_directories(folder.path() / "book");
  std::ofstream{folder.path() / "book" / "data.mdb"} << std::string(100'000, 'x');
  auto book = origin_book::open(folder.path() / "book");
  CAF_REQUIRE(book);
  CAF_CHECK((*book)->put("a", sample()));
  CAF_CHECK((*book)->find("a") == sample());
}
