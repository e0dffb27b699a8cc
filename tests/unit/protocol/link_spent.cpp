// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.link_spent

#include "protocol/link_spent.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

CAF_TEST(what was fetched has golden bytes) {
  const link_spent x{{0x0102030405060708, 300}, {7, 0}};
  CAF_CHECK_EQUAL(encode(x), "\x02\x08\x07\x06\x05\x04\x03\x02\x01\xac\x02\x07\0\0\0\0\0\0\0\0"s);
  auto read = decode_link_spent(encode(x));
  CAF_REQUIRE(read);
  CAF_CHECK(*read == x);
  CAF_CHECK(decode_link_spent(encode({}))->empty());
}

CAF_TEST(what is cut off or too much is refused) {
  const auto text = encode(link_spent{{1, 200}, {2, limits::link_spent_bytes_max}});
  CAF_CHECK(decode_link_spent(text));
  for (size_t n = 0; n < text.size(); ++n)
    CAF_CHECK(!decode_link_spent(text.substr(0, n)));
  CAF_CHECK(!decode_link_spent(text + "x"));
  CAF_CHECK(!decode_link_spent(encode(link_spent{{1, limits::link_spent_bytes_max + 1}})));
  CAF_CHECK(decode_link_spent(encode(link_spent(limits::link_spent_max))));
  CAF_CHECK(!decode_link_spent(encode(link_spent(limits::link_spent_max + 1))));
}
