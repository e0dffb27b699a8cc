// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.query

#include "protocol/query.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

/// Shows a walk as "name=value" or "name" joined by '|'.
std::string walk(std::string_view raw) {
  std::string text;
  for (const auto& field : query_view{raw}) {
    if (!text.empty())
      text += '|';
    text += field.name;
    if (field.has_value)
      text += '=';
    text += field.value;
  }
  return text;
}

} // namespace

CAF_TEST(parameters come in order and unescaped by nobody) {
  CAF_CHECK_EQUAL(walk("a=1&b=%20&a=2"), "a=1|b=%20|a=2");
}

CAF_TEST(parameters without a value do not shift the others) {
  CAF_CHECK_EQUAL(walk("compact&port=1"), "compact|port=1");
  CAF_CHECK_EQUAL(walk("a=&b"), "a=|b");
  CAF_CHECK_EQUAL(walk("=v&x=1=2="), "=v|x=1=2=");
}

CAF_TEST(empty parameters are skipped) {
  CAF_CHECK_EQUAL(walk("&&a=1&&&b=2&"), "a=1|b=2");
  CAF_CHECK_EQUAL(walk(""), "");
  CAF_CHECK_EQUAL(walk("&"), "");
  CAF_CHECK_EQUAL(walk("="), "=");
}

CAF_TEST(the walk views the bytes of the caller) {
  std::string_view raw = "name=value";
  auto first = *query_view{raw}.begin();
  CAF_CHECK(first.name.data() == raw.data());
  CAF_CHECK(first.value.data() == raw.data() + 5);
}

CAF_TEST(rest parameters are decoded) {
  auto params = query_params::parse("q=big+model%2B&tag=a&tag=b&flag&empty=&n%61me=x");
  CAF_REQUIRE(params.has_value());
  CAF_CHECK_EQUAL(params->get("q"), "big model+"s);
  CAF_CHECK_EQUAL(params->get("tag"), "a"s);
  CAF_CHECK_EQUAL(params->all("tag"), (std::vector{"a"s, "b"s}));
  CAF_CHECK_EQUAL(params->get("flag"), ""s);
  CAF_CHECK_EQUAL(params->get("empty"), ""s);
  CAF_CHECK_EQUAL(params->get("name"), "x"s);
  CAF_CHECK(params->has("flag"));
  CAF_CHECK(!params->has("fla"));
  CAF_CHECK(!params->get("missing"));
  CAF_CHECK(params->all("missing").empty());
}

CAF_TEST(rest parameters are bounded and well escaped) {
  CAF_CHECK(query_params::parse("a=%zz").error().code == ec::invalid_argument);
  CAF_CHECK(query_params::parse("%=1").error().code == ec::invalid_argument);
  std::string raw;
  for (size_t i = 0; i < limits::query_fields_max; ++i)
    raw += "a&";
  CAF_CHECK_EQUAL(query_params::parse(raw)->size(), limits::query_fields_max);
  CAF_CHECK(query_params::parse(raw + "b").error().code == ec::too_large);
}
