// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.state_folder

#include "cmd/get/state_folder.hpp"

#include "tests/unit/support/temp_folder.hpp"

#include <caf/test/unit_test.hpp>

#include <fstream>

using namespace shoal;
using namespace shoal::get;

namespace {

struct fixture {
  test::temp_folder folder;

  result<state_folder> open() { return state_folder::open(folder.path(), "key"); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(state_folder_tests, fixture)

CAF_TEST(only one may be at work) {
  auto first = open();
  CAF_REQUIRE(first.has_value());
  auto second = open();
  CAF_REQUIRE(!second);
  CAF_CHECK(second.error().code == ec::busy);
  CAF_CHECK(state_folder::open(folder.path(), "other").has_value());
  { auto gone = std::move(*first); }
  CAF_CHECK(open().has_value());
}

CAF_TEST(what was saved is there again) {
  {
    auto state = open();
    CAF_REQUIRE(state.has_value());
    CAF_CHECK(state->save("resume", "one").has_value());
    CAF_CHECK(state->save("resume", "two").has_value());
    CAF_CHECK(state->append("http", "a\n").has_value());
    CAF_CHECK(state->append("http", "b\n").has_value());
  }
  auto state = open();
  CAF_CHECK_EQUAL(state->load("resume", 100), "two");
  CAF_CHECK_EQUAL(state->load("http", 100), "a\nb\n");
  CAF_CHECK_EQUAL(state->load("resume", 2), "");
  CAF_CHECK_EQUAL(state->load("nothing", 100), "");
  state->remove("resume");
  CAF_CHECK_EQUAL(state->load("resume", 100), "");
}

CAF_TEST(placed files are known again whatever they are called) {
  const placed_file one{5, -7, "-"};
  const placed_file other{6, 1'700'000'000'123'456'789, std::string(64, 'a')};
  for (auto& path : {std::string("a b/c.bin"), std::string("line\nbreak\\n"), std::string("\\")}) {
    auto state = open();
    CAF_CHECK(state->note_placed(path, one).has_value());
    CAF_CHECK(state->note_placed(path, other).has_value());
    CAF_CHECK(state->note_placed(path, other).has_value());
  }
  auto state = open();
  CAF_REQUIRE_EQUAL(state->placed().size(), 3u);
  for (auto& [path, file] : state->placed())
    CAF_CHECK(file == other);
  CAF_CHECK(state->placed().contains("line\nbreak\\n"));
}

CAF_TEST(notes that are cut off or strange are forgotten) {
  std::filesystem::create_directories(folder.path() / ".shoal/key");
  std::ofstream(folder.path() / ".shoal/key/placed")
      << "5 6 - good\n\n5\n5 x - bad\n5 6\n5 6 -\n7 8 - cut off";
  auto state = open();
  CAF_REQUIRE_EQUAL(state->placed().size(), 1u);
  CAF_CHECK(state->placed().contains("good"));
}

CAF_TEST_FIXTURE_SCOPE_END()
