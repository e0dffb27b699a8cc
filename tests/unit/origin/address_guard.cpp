// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE origin.address_guard
#include "origin/address_guard.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using origin::address_guard;

namespace {

ip_address at(std::string_view text) {
  return *ip_address::parse(text);
}

} // namespace

CAF_TEST(only addresses of the internet may be connected to) {
  address_guard guard;
  for (auto* inside : {"127.0.0.1",
                       "127.8.8.8",
                       "10.1.2.3",
                       "172.16.0.1",
                       "172.31.255.255",
                       "192.168.1.1",
                       "169.254.169.254",
                       "100.64.0.1",
                       "100.127.255.255",
                       "0.0.0.0",
                       "224.0.0.1",
                       "255.255.255.255",
                       "192.0.0.1",
                       "198.18.0.1",
                       "192.0.2.1",
                       "::",
                       "::1",
                       "fe80::1",
                       "fc00::1",
                       "fd12:3456::1",
                       "fec0::1",
                       "ff02::1",
                       "2001:db8::1",
                       "::ffff:127.0.0.1",
                       "::ffff:10.0.0.1",
                       "::127.0.0.1",
                       "2002:7f00:1::",
                       "2002:a00:1::1",
                       "64:ff9b::127.0.0.1",
                       "64:ff9b::a00:1",
                       "64:ff9b:1::1"})
    CAF_CHECK(!guard.allows("hub.example", at(inside)));
  for (auto* outside : {"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                        "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::8.8.8.8"})
    CAF_CHECK(guard.allows("hub.example", at(outside)));
}

CAF_TEST(what the operator names is allowed and nothing beside it) {
  auto guard = address_guard::make({"10.0.0.0/24", "127.0.0.1", "Mirror.Example", "::1"});
  CAF_REQUIRE(guard);
  CAF_CHECK(guard->allows("x", at("10.0.0.77")));
  CAF_CHECK(!guard->allows("x", at("10.0.1.1")));
  CAF_CHECK(guard->allows("x", at("127.0.0.1")));
  CAF_CHECK(guard->allows("x", at("::ffff:127.0.0.1")));
  CAF_CHECK(!guard->allows("x", at("127.0.0.2")));
  CAF_CHECK(guard->allows("x", at("::1")));
  CAF_CHECK(guard->allows("mirror.example", at("192.168.0.1")));
  CAF_CHECK(!guard->allows("evil.mirror.example", at("192.168.0.1")));
  CAF_CHECK(!guard->allows("", at("192.168.0.1")));
}

CAF_TEST(what is neither a network nor a name is refused) {
  for (auto* odd : {"", "10.0.0.0/33", "1.2.3", "a b", "http://x", "x:80", "*", "300.1.1.1"})
    CAF_CHECK(!address_guard::make({odd}));
}
