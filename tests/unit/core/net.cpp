// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE core.net

#include "core/net.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

ip_address ip(std::string_view text) {
  return *ip_address::parse(text);
}

} // namespace

CAF_TEST(a v4 mapped address is an IPv4 address) {
  CAF_CHECK_EQUAL(ip("::ffff:1.2.3.4").str(), "1.2.3.4");
  CAF_CHECK(ip("::ffff:1.2.3.4").is_v4());
}

CAF_TEST(names and scopes and brackets are no addresses) {
  for (auto text : {"", "localhost", "1.2.3", "1.2.3.256", "fe80::1%eth0", "[::1]", "1.2.3.4 "})
    CAF_CHECK(!ip_address::parse(text));
}

CAF_TEST(a network contains its own addresses and no others) {
  auto net = *cidr::parse("10.20.0.0/14");
  CAF_CHECK(net.contains(ip("10.23.255.255")));
  CAF_CHECK(!net.contains(ip("10.24.0.0")));
  CAF_CHECK(!net.contains(ip("::1")));
  CAF_CHECK(cidr::parse("0.0.0.0/0")->contains(ip("8.8.8.8")));
  CAF_CHECK(cidr::parse("2001:db8::/33")->contains(ip("2001:db8:7fff::1")));
  CAF_CHECK(!cidr::parse("2001:db8::/33")->contains(ip("2001:db8:8000::1")));
  CAF_CHECK(!cidr::parse("10.0.0.0/33"));
  CAF_CHECK(!cidr::parse("10.0.0.0/x"));
}

CAF_TEST(only addresses that others can reach are global) {
  for (auto text : {"8.8.8.8", "2606:4700::1", "172.32.0.1", "2001:200::1", "2001:30::1"})
    CAF_CHECK(ip(text).is_global());
  for (auto text :
       {"0.0.0.0",    "10.1.1.1",        "127.0.0.1",   "169.254.1.1", "172.31.0.1", "192.168.1.1",
        "224.0.0.1",  "255.255.255.255", "::",          "::1",         "fe80::1",    "fd00::1",
        "ff02::1",    "2001::1",         "2001:db8::1", "::9.9.9.9",   "2001:2::1",  "2001:10::1",
        "2001:2f::1", "3fff::1",         "5f00::1",     "fec0::1"})
    CAF_CHECK(!ip(text).is_global());
}
