// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.json_body

#include "http/json_body.hpp"

#include "core/limits.hpp"
#include "results.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace shoal::test;
using namespace std::literals;

namespace {

result<json_body> parse(std::string_view text) {
  return json_body::parse(text, {"name", "size"});
}

std::string nested(size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

} // namespace

CAF_TEST(only the fields that were asked for are kept) {
  auto body = parse(R"({"name":"x","other":[1,{"name":"y"}],"size":7})");
  CAF_REQUIRE(body);
  CAF_CHECK_EQUAL(value_of(body->text("name", 10)), "x");
  CAF_CHECK_EQUAL(value_of(body->number("size")).value_or(0), 7u);
  CAF_CHECK(!body->has("other"));
}

CAF_TEST(fields of an inner object are kept as well) {
  auto inner = [](std::string_view text) {
    auto body = json_body::parse_with(text, "in", {"name", "size"});
    CAF_REQUIRE(body);
    return body->text("name", 100).value_or("?") + '|'
           + std::to_string(body->number("size").value_or(0).value_or(0));
  };
  CAF_CHECK_EQUAL(inner(R"({"name":"a","in":{"size":7}})"), "a|7");
  CAF_CHECK_EQUAL(inner(R"({"in":{"size":7,"x":{"name":"no"}},"name":"a"})"), "a|7");
  CAF_CHECK_EQUAL(inner(R"({"in":{"x":{"in":{"name":"no"}}}})"), "|0");
  CAF_CHECK_EQUAL(inner(R"({"in":[{"name":"no"}],"size":1})"), "|1");
  CAF_CHECK_EQUAL(inner(R"({"in":"no","name":"a"})"), "a|0");
  CAF_CHECK_EQUAL(inner(R"({"out":{"name":"no"},"in":{"name":"b"}})"), "b|0");
  CAF_CHECK_EQUAL(inner(R"({"in":{"name":{"name":"no"}}})"), "?|0");
}

CAF_TEST(absent and null fields are empty) {
  auto body = parse(R"({"name":null})");
  CAF_REQUIRE(body);
  CAF_CHECK(!body->has("name"));
  CAF_CHECK_EQUAL(value_of(body->text("name", 10)), "");
  CAF_CHECK(!value_of(body->number("size")));
}

CAF_TEST(what is no object is refused) {
  for (auto text : {"", " ", "{", "[]", "null", "1", "\"x\"", "\xff", "{}x", "{\"name\":\"\xff\"}",
                    "{\"size\":1e999}", "{\"name\":\"\\ud800\"}", "{'name':1}", "{\"name\":}"}) {
    auto body = parse(text);
    CAF_REQUIRE(!body);
    CAF_CHECK_EQUAL(body.error().code, ec::invalid_argument);
  }
}

CAF_TEST(a wrong type is refused and named) {
  for (auto text : {R"({"name":1})", R"({"name":{}})", R"({"name":["x"]})", R"({"name":true})"}) {
    auto name = parse(text)->text("name", 10);
    CAF_REQUIRE(!name);
    CAF_CHECK_EQUAL(name.error(), (error{ec::invalid_argument, "'name' must be a string"}));
  }
  for (auto text : {R"({"size":-1})", R"({"size":1.5})", R"({"size":"1"})", R"({"size":[]})",
                    R"({"size":9223372036854775808})"}) {
    auto size = parse(text)->number("size");
    CAF_REQUIRE(!size);
    CAF_CHECK(size.error().detail.starts_with("'size'"));
  }
  CAF_CHECK_EQUAL(value_of(parse(R"({"size":9223372036854775807})")->number("size")).value_or(0),
                  uint64_t{INT64_MAX});
}

CAF_TEST(a long text is refused) {
  auto body = parse(R"({"name":"12345"})");
  CAF_CHECK_EQUAL(value_of(body->text("name", 5)), "12345");
  CAF_CHECK_EQUAL(code_of(body->text("name", 4)), ec::too_large);
}

CAF_TEST(any unicode text comes through) {
  auto body = parse("{\"name\":\"\\u0000\\u0001 \xe6\xa8\xa1 \\ud83d\\udc1f\"}");
  CAF_CHECK_EQUAL(value_of(body->text("name", 100)), "\0\1 \xe6\xa8\xa1 \xf0\x9f\x90\x9f"s);
}

CAF_TEST(nesting ends at the limit) {
  CAF_CHECK(parse_json(nested(limits::json_depth_max)));
  CAF_CHECK_EQUAL(code_of(parse_json(nested(limits::json_depth_max + 1))), ec::too_large);
  auto hostile = "{\"x\":" + std::string(1'000'000, '[');
  CAF_CHECK_EQUAL(code_of(parse(hostile)), ec::too_large);
}

CAF_TEST(a text can be taken out once) {
  auto body = parse(R"({"name":"big"})");
  CAF_CHECK_EQUAL(value_of(body->take_text("name")), "big");
  CAF_CHECK_EQUAL(value_of(body->take_text("size")), "");
  CAF_CHECK(!parse(R"({"name":1})")->take_text("name"));
}

CAF_TEST(output is valid whatever the bytes are) {
  CAF_CHECK_EQUAL(dump_json(nlohmann::json{{"a", "\xff"}}), "{\"a\":\"\xef\xbf\xbd\"}");
}
