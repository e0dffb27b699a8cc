// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.forwarded

#include "protocol/forwarded.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const std::vector<cidr> proxies{*cidr::parse("10.0.0.0/8"), *cidr::parse("fd00::/8")};

std::string real(std::string_view socket, std::vector<std::string_view> headers,
                 const std::vector<cidr>& trusted = proxies) {
  return real_address(*ip_address::parse(socket), trusted, headers).str();
}

} // namespace

CAF_TEST(without a trusted proxy headers are not believed) {
  CAF_CHECK_EQUAL(real("1.2.3.4", {"9.9.9.9"}), "1.2.3.4");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"9.9.9.9"}, {}), "10.0.0.1");
  CAF_CHECK_EQUAL(real("10.0.0.1", {}), "10.0.0.1");
}

CAF_TEST(the rightmost address that is no proxy is the client) {
  CAF_CHECK_EQUAL(real("10.0.0.1", {"9.9.9.9"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"8.8.8.8, 9.9.9.9"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"8.8.8.8, 9.9.9.9,10.0.0.2 , fd00::5"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
}

CAF_TEST(several headers are one list) {
  CAF_CHECK_EQUAL(real("10.0.0.1", {"8.8.8.8", "9.9.9.9, 10.0.0.4", "10.0.0.3"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"9.9.9.9", "", " , "}), "9.9.9.9");
}

CAF_TEST(ports and brackets are tolerated) {
  CAF_CHECK_EQUAL(real("10.0.0.1", {"9.9.9.9:1234"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("fd00::1", {"[2606:4700::1]:443"}), "2606:4700::1");
  CAF_CHECK_EQUAL(real("fd00::1", {"[2606:4700::1]"}), "2606:4700::1");
  CAF_CHECK_EQUAL(real("fd00::1", {"2606:4700::1"}), "2606:4700::1");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"::ffff:9.9.9.9"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"8.8.8.8, [::ffff:10.0.0.2]:80"}), "8.8.8.8");
}

CAF_TEST(garbage ends the walk at the last good hop) {
  for (auto hop : {"unknown",
                   "localhost",
                   "9.9.9",
                   "9.9.9.9:",
                   "9.9.9.9:port",
                   "9.9.9.9:123456",
                   "[::1",
                   "::1]",
                   "[::1]x",
                   "[::1]:",
                   "[9.9.9.9]",
                   "9.9.9.9 8.8.8.8",
                   "\"9.9.9.9\"",
                   "9.9.9.9/32",
                   "fe80::1%eth0",
                   "[",
                   "]",
                   "[]",
                   ":",
                   "\xff",
                   "256.1.1.1"}) {
    auto header = "8.8.8.8, "s + hop + ", 10.0.0.2";
    CAF_CHECK_EQUAL(real("10.0.0.1", {header}), "10.0.0.2");
    CAF_CHECK_EQUAL(real("10.0.0.1", {hop}), "10.0.0.1");
  }
}

CAF_TEST(a client cannot pass for another by what it sends itself) {
  // The proxy appended the true address to the forged ones.
  CAF_CHECK_EQUAL(real("10.0.0.1", {"10.0.0.9, 127.0.0.1, 10.0.0.8, 9.9.9.9"}), "9.9.9.9");
  CAF_CHECK_EQUAL(real("10.0.0.1", {"127.0.0.1", "9.9.9.9"}), "9.9.9.9");
}

CAF_TEST(the walk is bounded) {
  std::string header = "8.8.8.8";
  for (size_t i = 0; i < limits::forwarded_hops_max; ++i)
    header += ",10.0.0.2";
  CAF_CHECK_EQUAL(real("10.0.0.1", {header}), "10.0.0.2");
  CAF_CHECK_EQUAL(real("10.0.0.1", {header.substr(0, header.rfind(','))}), "8.8.8.8");
}
