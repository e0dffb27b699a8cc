// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.percent

#include "protocol/percent.hpp"

#include <caf/test/unit_test.hpp>

#include <array>

using namespace shoal;
using namespace std::literals;

namespace {

std::string every_byte() {
  std::string text;
  for (int i = 0; i < 256; ++i)
    text += static_cast<char>(i);
  return text;
}

} // namespace

CAF_TEST(escapes of either case decode in one pass) {
  CAF_CHECK_EQUAL(percent_decode("%41%6a%6A"), "Ajj"s);
  CAF_CHECK_EQUAL(percent_decode("%2525"), "%25"s);
  CAF_CHECK_EQUAL(percent_decode("%00x"), "\0x"s);
  CAF_CHECK_EQUAL(percent_decode(""), ""s);
}

CAF_TEST(raw bytes stand for themselves) {
  CAF_CHECK_EQUAL(percent_decode("a\xff\x80 b"), "a\xff\x80 b"s);
  CAF_CHECK_EQUAL(percent_decode("a+b"), "a+b"s);
}

CAF_TEST(a plus is a space in forms only) {
  CAF_CHECK_EQUAL(form_decode("a+b%2Bc"), "a b+c"s);
  CAF_CHECK(!form_decode("a+%"));
}

CAF_TEST(a bad escape is an error) {
  for (auto text : {"%", "%4", "%zz", "%4g", "ab%", "%%41", "% 41", "%-1", "%+1", "%0x"})
    CAF_CHECK(!percent_decode(text));
}

CAF_TEST(encoding escapes all but the unreserved characters) {
  CAF_CHECK_EQUAL(percent_encode("aZ09-._~"), "aZ09-._~");
  CAF_CHECK_EQUAL(percent_encode("a/b c&d=e+%\xc3\xa9"), "a%2Fb%20c%26d%3De%2B%25%C3%A9");
  CAF_CHECK_EQUAL(percent_encode_path("a/b c#1?"), "a/b%20c%231%3F");
}

CAF_TEST(every byte survives a round trip) {
  CAF_CHECK_EQUAL(percent_decode(percent_encode(every_byte())), every_byte());
  CAF_CHECK_EQUAL(percent_decode(percent_encode_path(every_byte())), every_byte());
  CAF_CHECK_EQUAL(form_decode(percent_encode(every_byte())), every_byte());
}

CAF_TEST(decoding into an array stops at its end) {
  std::array<uint8_t, 3> out{};
  CAF_CHECK_EQUAL(percent_decode_into("%01%02%03", out), size_t{3});
  CAF_CHECK_EQUAL(out[2], 3);
  CAF_CHECK_EQUAL(percent_decode_into("a", out), size_t{1});
  CAF_CHECK(!percent_decode_into("abcd", out));
  CAF_CHECK(!percent_decode_into("ab%", out));
}
