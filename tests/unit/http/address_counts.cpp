// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.address_counts

#include "http/address_counts.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace shoal;
using namespace shoal::http;

namespace {

const hash_key secret{1, 2};

ip_address at(std::string_view text) {
  return *ip_address::parse(text);
}

} // namespace

CAF_TEST(a client has so many connections and no more) {
  address_counts counts{2, secret};
  auto first = counts.enter(at("192.0.2.1"));
  CAF_REQUIRE(first);
  CAF_CHECK(counts.enter(at("192.0.2.1")));
  CAF_CHECK(!counts.enter(at("192.0.2.1")));
  CAF_CHECK(counts.enter(at("192.0.2.2")));
  CAF_MESSAGE("one leaves");
  counts.leave(*first);
  CAF_CHECK(counts.enter(at("192.0.2.1")));
  CAF_CHECK(!counts.enter(at("192.0.2.1")));
}

CAF_TEST(an IPv6 network of 64 bits is one client) {
  address_counts counts{1, secret};
  CAF_CHECK(counts.enter(at("2001:db8::1")));
  CAF_CHECK(!counts.enter(at("2001:db8::ffff:2")));
  CAF_CHECK(counts.enter(at("2001:db8:0:1::1")));
}

CAF_TEST(crowds do not keep others out) {
  address_counts counts{100, secret};
  size_t refused = 0;
  for (uint8_t a = 0; a < 40; ++a)
    for (int i = 0; i < 1000; ++i)
      refused += counts.enter(ip_address::v4({10, 0, 0, a})) ? 0 : 1;
  CAF_CHECK_EQUAL(refused, 40u * 900u);
  for (int i = 0; i < 10'000; ++i)
    if (!counts.enter(ip_address::v4({172, 16, uint8_t(i / 256), uint8_t(i % 256)})))
      CAF_FAIL("refused number " << i);
}
