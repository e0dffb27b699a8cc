// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.bounded_json
#include "protocol/bounded_json.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

bool is_taken(std::string_view text, size_t depth_max, size_t values_max = 100) {
  return !parse_json(text, {depth_max, values_max}).is_discarded();
}

} // namespace

CAF_TEST(what is within bounds is parsed) {
  auto doc = parse_json(R"({"a":[1,-2,1.5,"x",true,null,{}]})", {2, 9});
  CAF_CHECK_EQUAL(doc.dump(), R"({"a":[1,-2,1.5,"x",true,null,{}]})");
  CAF_CHECK(is_taken("1", 0, 1));
}

CAF_TEST(values are counted and how deep they are) {
  CAF_CHECK(is_taken("[[1]]", 2));
  CAF_CHECK(!is_taken("[[1]]", 1));
  CAF_CHECK(is_taken("[[]]", 1));
  CAF_CHECK(!is_taken("[1]", 0));
  CAF_CHECK(is_taken("[1,2,3]", 1, 4));
  CAF_CHECK(!is_taken("[1,2,3]", 1, 3));
  CAF_CHECK(is_taken(R"({"a":1,"b":2})", 1, 3));
  CAF_CHECK(!is_taken(std::string(1'000'000, '['), 100'000, 100'000'000));
}

CAF_TEST(what is no JSON is discarded) {
  for (auto* odd : {"", "{", "[1,]", "{a:1}", "1 2", "nul", "\"\xFF\"", "[1]x"})
    CAF_CHECK(!is_taken(odd, 10));
}

CAF_TEST(a long list of objects costs no more than its length) {
  std::string list = "[{}";
  for (int i = 0; i < 400'000; ++i)
    list += ",{}";
  list += ']'; // Quadratic, it would take minutes.
  CAF_CHECK_EQUAL(parse_json(list, {1, 1'000'000}).size(), 400'001u);
}
