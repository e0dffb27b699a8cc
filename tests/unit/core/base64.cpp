// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE core.base64

#include "core/base64.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

CAF_TEST(the vectors of RFC 4648 go both ways) {
  std::vector<std::pair<std::string_view, std::string_view>> vectors{{"", ""},
                                                                     {"Zg==", "f"},
                                                                     {"Zm8=", "fo"},
                                                                     {"Zm9v", "foo"},
                                                                     {"Zm9vYg==", "foob"},
                                                                     {"Zm9vYmE=", "fooba"},
                                                                     {"Zm9vYmFy", "foobar"}};
  for (auto& [encoded, plain] : vectors) {
    CAF_CHECK_EQUAL(base64_decode(encoded).value_or("none"), plain);
    std::string again = ">";
    base64_append(again, plain);
    CAF_CHECK_EQUAL(again, '>' + std::string{encoded});
    auto bare = encoded.substr(0, encoded.find('='));
    CAF_CHECK_EQUAL(base64_decode(bare).value_or("none"), plain);
  }
}

CAF_TEST(both alphabets and every byte decode) {
  CAF_CHECK_EQUAL(base64_decode("+/8A").value_or("none"), "\xfb\xff\0"s);
  CAF_CHECK_EQUAL(base64_decode("-_8A").value_or("none"), "\xfb\xff\0"s);
}

CAF_TEST(line breaks are skipped) {
  CAF_CHECK_EQUAL(base64_decode("Zm9v\r\nYmFy\n").value_or("none"), "foobar");
}

CAF_TEST(what is no base64 is refused) {
  for (auto text : {"!!!", "Zg=", "Zg===", "Zm9v=", "Z", "=", "Zg==Zg==", "Zm 9v",
                    "Zh==", "Zm9=", "Zm9v====", "Zm\xc3\xa9v"})
    CAF_CHECK(!base64_decode(text));
}

CAF_TEST(every byte comes back) {
  std::string plain;
  for (int byte = 0; byte < 256; ++byte)
    plain += static_cast<char>(byte);
  std::string encoded;
  base64_append(encoded, plain);
  CAF_CHECK(base64_decode(encoded) == plain);
}
