// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.link_agent

#include "protocol/link_agent.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

CAF_TEST(a report has golden bytes) {
  const link_agent x{300, *ip_address::parse("10.0.0.1"), "{}"};
  CAF_CHECK_EQUAL(encode(x), "\xac\x02\x04\x0a\x00\x00\x01\x02{}"s);
  auto read = decode_link_agent(encode(x));
  CAF_REQUIRE(read);
  CAF_CHECK(*read == x);
}

CAF_TEST(what is cut off or too long is refused) {
  const auto text = encode({1, *ip_address::parse("2001:db8::1"), "said"});
  CAF_CHECK(decode_link_agent(text));
  for (size_t n = 0; n < text.size(); ++n)
    CAF_CHECK(!decode_link_agent(text.substr(0, n)));
  CAF_CHECK(!decode_link_agent(text + "x"));
  std::string long_one(limits::ws_message_bytes_max + 1, 'x');
  CAF_CHECK(!decode_link_agent(encode({1, *ip_address::parse("10.0.0.1"), long_one})));
}
