// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.stored_bytes

#include "http/dialects/stored_bytes.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>

using namespace shoal;
using namespace shoal::http;

namespace {

const stored_bytes thousand{1000, "\"abc\"", "application/json", "public"};

ranged_answer get(std::string_view range, const stored_bytes& what = thousand) {
  return answer_range({true, range, {}, {}}, what);
}

std::string header(const ranged_answer& answer, std::string_view name) {
  auto& all = answer.head.headers;
  auto i = std::find_if(all.begin(), all.end(), [&](auto& h) { return h.first == name; });
  return i == all.end() ? "" : i->second;
}

} // namespace

CAF_TEST(without a range the whole content is sent) {
  auto answer = get("");
  CAF_CHECK_EQUAL(answer.head.status, 200u);
  CAF_CHECK_EQUAL(answer.offset, 0u);
  CAF_CHECK_EQUAL(answer.length, 1000u);
  CAF_CHECK_EQUAL(answer.head.content_type, "application/json");
  CAF_CHECK_EQUAL(header(answer, "ETag"), "\"abc\"");
  CAF_CHECK_EQUAL(header(answer, "Accept-Ranges"), "bytes");
  CAF_CHECK_EQUAL(header(answer, "X-Content-Type-Options"), "nosniff");
  CAF_CHECK_EQUAL(header(answer, "Content-Range"), "");
}

CAF_TEST(a satisfiable range is partial even if it covers everything) {
  auto part = get("bytes=10-19");
  CAF_CHECK_EQUAL(part.head.status, 206u);
  CAF_CHECK_EQUAL(part.offset, 10u);
  CAF_CHECK_EQUAL(part.length, 10u);
  CAF_CHECK_EQUAL(header(part, "Content-Range"), "bytes 10-19/1000");
  auto all = get("bytes=0-");
  CAF_CHECK_EQUAL(all.head.status, 206u);
  CAF_CHECK_EQUAL(all.length, 1000u);
  auto tail = get("bytes=-1");
  CAF_CHECK_EQUAL(tail.offset, 999u);
  CAF_CHECK_EQUAL(tail.length, 1u);
}

CAF_TEST(a range beyond the content is unsatisfiable) {
  auto answer = get("bytes=1000-");
  CAF_CHECK_EQUAL(answer.head.status, 416u);
  CAF_CHECK_EQUAL(header(answer, "Content-Range"), "bytes */1000");
  CAF_CHECK_EQUAL(answer.head.content_type, "application/json");
}

CAF_TEST(several ranges come in parts unless the whole is shorter) {
  auto big = thousand;
  big.size_bytes = 5000;
  auto a = get("bytes=0-9,-5", big);
  CAF_CHECK_EQUAL(a.head.status, 200u);
  CAF_CHECK_EQUAL(a.length, 5000u);
  auto parts = as_parts(a, big, sha256("it"));
  CAF_REQUIRE(parts.has_value());
  CAF_CHECK_EQUAL(a.head.status, 206u);
  CAF_CHECK_EQUAL(a.head.content_type, parts->content_type);
  CAF_CHECK_EQUAL(parts->heads.size(), 2u);
  auto most = get("bytes=0-2500,2501-4999", big);
  CAF_CHECK(!as_parts(most, big, sha256("it")));
  CAF_CHECK_EQUAL(most.head.status, 200u);
  auto one = get("bytes=0-9", big);
  CAF_CHECK(!as_parts(one, big, sha256("it")));
  CAF_CHECK_EQUAL(one.head.status, 206u);
}

CAF_TEST(an empty content has no range to refuse) {
  auto answer = get("bytes=0-99", {0, "\"e\"", "text/plain", ""});
  CAF_CHECK_EQUAL(answer.head.status, 200u);
  CAF_CHECK_EQUAL(answer.length, 0u);
}

CAF_TEST(a head request has no range) {
  auto answer = answer_range({false, "bytes=0-0", {}, {}}, thousand);
  CAF_CHECK_EQUAL(answer.head.status, 200u);
  CAF_CHECK_EQUAL(answer.length, 1000u);
}

CAF_TEST(another version gets no part) {
  CAF_CHECK_EQUAL(answer_range({true, "bytes=0-0", "\"abc\"", {}}, thousand).head.status, 206u);
  for (auto tag : {"\"abd\"", "W/\"abc\"", "abc", "Wed, 01 Jan 2020 00:00:00 GMT"})
    CAF_CHECK_EQUAL(answer_range({true, "bytes=0-0", tag, {}}, thousand).head.status, 200u);
}

CAF_TEST(what the client has is not sent again) {
  auto answer = answer_range({true, "bytes=0-0", {}, "\"abc\""}, thousand);
  CAF_CHECK_EQUAL(answer.head.status, 304u);
  CAF_CHECK_EQUAL(answer.length, 0u);
  CAF_CHECK_EQUAL(header(answer, "ETag"), "\"abc\"");
}

CAF_TEST(etags are found in lists) {
  CAF_CHECK(none_match_hits("\"x\", \"abc\"", "\"abc\""));
  CAF_CHECK(none_match_hits("W/\"abc\"", "\"abc\""));
  CAF_CHECK(none_match_hits("*", "\"abc\""));
  for (auto header : {"", "\"x\"", "abc", "\"abc", ",", "\"ab\",c\""})
    CAF_CHECK(!none_match_hits(header, "\"abc\""));
}
