// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.byte_range

#include "protocol/byte_range.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

using kind = range_answer::kind;

/// "0-9" for a partial answer, "0-9 20-29" for several, else "whole" or "416".
std::string answer(std::string_view header, uint64_t size = 1000) {
  auto got = parse_range(header, size);
  if (got.what == kind::whole)
    return "whole";
  if (got.what == kind::unsatisfiable)
    return "416";
  if (got.what == kind::partial)
    got.ranges = {got.range};
  std::string all;
  for (auto& x : got.ranges)
    all += (all.empty() ? "" : " ") + std::to_string(x.first) + '-' + std::to_string(x.last);
  return all;
}

} // namespace

CAF_TEST(single ranges are served exactly) {
  CAF_CHECK_EQUAL(answer("bytes=0-0"), "0-0");
  CAF_CHECK_EQUAL(answer("bytes=0-999"), "0-999");
  CAF_CHECK_EQUAL(answer("bytes=500-"), "500-999");
  CAF_CHECK_EQUAL(answer("bytes=-1"), "999-999");
  CAF_CHECK_EQUAL(answer("bytes=-1000"), "0-999");
  CAF_CHECK_EQUAL(answer("bytes=007-0010"), "7-10");
  CAF_CHECK_EQUAL(parse_range("bytes=10-19", 1000).range.length(), 10u);
}

CAF_TEST(ranges beyond the end are cut) {
  CAF_CHECK_EQUAL(answer("bytes=990-5000"), "990-999");
  CAF_CHECK_EQUAL(answer("bytes=-5000"), "0-999");
  CAF_CHECK_EQUAL(answer("bytes=5-18446744073709551616"), "5-999");
  CAF_CHECK_EQUAL(answer("bytes=-99999999999999999999999"), "0-999");
  CAF_CHECK_EQUAL(answer("bytes=0-", UINT64_MAX), "0-18446744073709551614");
}

CAF_TEST(ranges that start beyond the end cannot be satisfied) {
  CAF_CHECK_EQUAL(answer("bytes=1000-"), "416");
  CAF_CHECK_EQUAL(answer("bytes=1000-1001"), "416");
  CAF_CHECK_EQUAL(answer("bytes=99999999999999999999999-"), "416");
  CAF_CHECK_EQUAL(answer("bytes=18446744073709551615-", UINT64_MAX), "416");
  CAF_CHECK_EQUAL(answer("bytes=-0"), "416");
  CAF_CHECK_EQUAL(answer("bytes=0-", 0), "416");
  CAF_CHECK_EQUAL(answer("bytes=-5", 0), "whole");
}

CAF_TEST(the unit and white space are read as the RFC says) {
  CAF_CHECK_EQUAL(answer("Bytes=1-2"), "1-2");
  CAF_CHECK_EQUAL(answer(" BYTES=1-2\t"), "1-2");
  CAF_CHECK_EQUAL(answer("bytes= 1-2 "), "1-2");
  CAF_CHECK_EQUAL(answer("bytes=1-2, "), "1-2");
  CAF_CHECK_EQUAL(answer("bytes=,,1-2,"), "1-2");
}

CAF_TEST(what is malformed is ignored) {
  for (auto header : {"",
                      " ",
                      "bytes",
                      "bytes=",
                      "bytes=,",
                      "bytes=-",
                      "bytes=--1",
                      "bytes=1",
                      "bytes=a-b",
                      "bytes=1-b",
                      "bytes=a-",
                      "bytes=2-1",
                      "bytes=1 - 2",
                      "bytes =1-2",
                      "byte=1-2",
                      "items=0-1",
                      "bytes=0x1-2",
                      "bytes=+1-2",
                      "bytes=1-2-3",
                      "bytes=1-2;3-4",
                      "bytes:1-2",
                      "=1-2",
                      "-1",
                      "bytes=1-2,x",
                      "bytes=x,1-2",
                      "bytes=1-2,2-1",
                      "bytes=1000-,x",
                      "bytes==1-2"})
    CAF_CHECK_EQUAL(answer(header), "whole");
}

CAF_TEST(several ranges are served in their order) {
  CAF_CHECK_EQUAL(answer("bytes=0-1,5-6"), "0-1 5-6");
  CAF_CHECK_EQUAL(answer("bytes=-1, 0-0 ,500-509"), "999-999 0-0 500-509");
  CAF_CHECK_EQUAL(answer("bytes=0-1,2-3"), "0-1 2-3");
  CAF_MESSAGE("those that cannot be satisfied are left out");
  CAF_CHECK_EQUAL(answer("bytes=0-1,5000-"), "0-1");
  CAF_CHECK_EQUAL(answer("bytes=5000-,0-1,7-7"), "0-1 7-7");
  CAF_CHECK_EQUAL(answer("bytes=2000-,3000-"), "416");
}

CAF_TEST(ranges that overlap and too many of them are ignored) {
  CAF_CHECK_EQUAL(answer("bytes=0-1,1-2"), "whole");
  CAF_CHECK_EQUAL(answer("bytes=5-6,0-1,6-6"), "whole");
  CAF_CHECK_EQUAL(answer("bytes=0-,-5"), "whole");
  std::string many = "bytes=0-0";
  for (size_t i = 1; i < limits::ranges_max; ++i)
    many += ',' + std::to_string(2 * i) + '-' + std::to_string(2 * i);
  CAF_CHECK_NOT_EQUAL(answer(many), "whole");
  CAF_CHECK_EQUAL(answer(many + ",900-900"), "whole");
  for (int i = 0; i < 5000; ++i)
    many += ",0-";
  CAF_CHECK_EQUAL(answer(many), "whole");
}

CAF_TEST(parts say what they are and how long all of them are) {
  auto x = make_byte_parts({{0, 1}, {998, 999}}, 1000, "text/plain", "B");
  CAF_CHECK_EQUAL(x.content_type, "multipart/byteranges; boundary=B");
  CAF_REQUIRE_EQUAL(x.heads.size(), 2u);
  CAF_CHECK_EQUAL(x.heads[0], "--B\r\nContent-Type: text/plain\r\n"
                              "Content-Range: bytes 0-1/1000\r\n\r\n");
  CAF_CHECK_EQUAL(x.heads[1], "\r\n--B\r\nContent-Type: text/plain\r\n"
                              "Content-Range: bytes 998-999/1000\r\n\r\n");
  CAF_CHECK_EQUAL(x.tail, "\r\n--B--\r\n");
  CAF_CHECK_EQUAL(x.size_bytes, x.heads[0].size() + 2 + x.heads[1].size() + 2 + x.tail.size());
}

CAF_TEST(every truncation of a header is safe) {
  auto header = "bytes=100-200,-300"s;
  for (size_t n = 0; n <= header.size(); ++n) {
    auto got = parse_range(header.substr(0, n), 150);
    if (got.what == kind::partial)
      CAF_CHECK(got.range.first <= got.range.last && got.range.last < 150);
    else
      CAF_CHECK(got.range == byte_range{});
  }
}

CAF_TEST(content ranges are written as the RFC shows) {
  CAF_CHECK_EQUAL(content_range({42, 1233}, 1234), "bytes 42-1233/1234");
  CAF_CHECK_EQUAL(content_range_unsatisfiable(1234), "bytes */1234");
}

CAF_TEST(only the same strong tag lets a range count) {
  CAF_CHECK(if_range_holds("", "\"abc\""));
  CAF_CHECK(if_range_holds("\"abc\"", "\"abc\""));
  CAF_CHECK(if_range_holds(" \"abc\" ", "\"abc\""));
  for (auto header : {"\"abd\"", "W/\"abc\"", "abc", "*", "\"", "\"abc\", \"x\"",
                      "Wed, 21 Oct 2015 07:28:00 GMT"})
    CAF_CHECK(!if_range_holds(header, "\"abc\""));
  CAF_CHECK(!if_range_holds("W/\"abc\"", "W/\"abc\""));
  CAF_CHECK(!if_range_holds("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"));
}
