// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.byte_range

#include "protocol/byte_range.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

using kind = range_answer::kind;

/// "0-9" for a partial answer, else "whole" or "416".
std::string answer(std::string_view header, uint64_t size = 1000) {
  auto got = parse_range(header, size);
  if (got.what == kind::whole)
    return "whole";
  if (got.what == kind::unsatisfiable)
    return "416";
  return std::to_string(got.range.first) + '-' + std::to_string(got.range.last);
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

CAF_TEST(several ranges are answered with everything) {
  CAF_CHECK_EQUAL(answer("bytes=0-1,5-6"), "whole");
  CAF_CHECK_EQUAL(answer("bytes=0-1,5000-"), "whole");
  CAF_CHECK_EQUAL(answer("bytes=2000-,3000-"), "416");
  std::string many = "bytes=0-";
  for (int i = 0; i < 5000; ++i)
    many += ",0-";
  CAF_CHECK_EQUAL(answer(many), "whole");
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
