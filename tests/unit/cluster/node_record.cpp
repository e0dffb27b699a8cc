// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.node_record

#include "cluster/node_record.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;

namespace {

node_record sample() {
  return {"node-1", UINT64_MAX, {"10.0.0.1:7000", "[::1]:7000"}, "oslo-a", 3, "0.1.0", 1,
          2,        true,       "https://n1.example:8443/shoal"};
}

bool is_corrupt(std::string_view id, std::string_view value) {
  auto x = decode_node_record(id, value);
  return !x && x.error().code == ec::corrupt;
}

} // namespace

CAF_TEST(a node record comes back as it was written) {
  CAF_CHECK(decode_node_record("node-1", encode(sample())) == sample());
}

CAF_TEST(members that nobody knows are skipped and absent ones have their default) {
  auto x = decode_node_record("a", R"({"incarnation":7,"colour":"blue"})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->incarnation, 7u);
  CAF_CHECK_EQUAL(x->weight, 1u);
  CAF_CHECK(!x->leaving);
}

CAF_TEST(a node of a former version has no URL) {
  auto x = decode_node_record("a", R"({"incarnation":7,"addresses":["h:1"],"version":"0.1.0"})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->url, "");
  CAF_CHECK(encode(*x).find("url") == std::string::npos);
}

CAF_TEST(a URL is one that paths can be appended to and that says nothing secret) {
  auto x = sample();
  for (auto url : {"", "http://h", "https://h.example:8443", "http://[::1]:80", "http://h/a/b"}) {
    x.url = url;
    CAF_CHECK(check(x));
    CAF_CHECK(decode_node_record(x.id, encode(x)) == x);
  }
  for (auto url : {"h", "ftp://h", "http://", "http:///a", "http://h/", "http://u:p@h",
                   "http://h?a", "http://h#a", "http://h a", "http://h\n", "http://\xc3\xa4"}) {
    x.url = url;
    CAF_CHECK(!check(x));
  }
  x.url = "http://" + std::string(250, 'h');
  CAF_CHECK(!check(x));
}

CAF_TEST(what no node can have written is corrupt) {
  for (auto value :
       {"", "{}", "[]", "null", R"({"incarnation":0})", R"({"incarnation":-1})",
        R"({"incarnation":"7"})", R"({"incarnation":7,"weight":4294967296})",
        R"({"incarnation":7,"addresses":[1]})", R"({"incarnation":7,"addresses":[""]})",
        R"({"incarnation":7,"zone":"a\nb"})", R"({"incarnation":7,"leaving":1})",
        R"({"incarnation":7,"protocol_min":3,"protocol_max":2})", R"({"incarnation":7,"url":1})",
        R"({"incarnation":7,"url":"file:///etc/passwd"})",
        R"({"incarnation":7} )"
        "x"})
    CAF_CHECK(is_corrupt("a", value));
  for (auto id : {"", "a b", "a/b", "\xc3\xa4"})
    CAF_CHECK(is_corrupt(id, R"({"incarnation":7})"));
  CAF_CHECK(is_corrupt(std::string(65, 'a'), R"({"incarnation":7})"));
  CAF_CHECK(is_corrupt("a", R"({"incarnation":7})" + std::string(20'000, ' ')));
}

CAF_TEST(a record that breaks the rules is told apart before it is written) {
  CAF_CHECK(check(sample()));
  auto x = sample();
  x.id = "no spaces";
  CAF_CHECK(!check(x));
  x = sample();
  x.addresses.resize(17, "a:1");
  CAF_CHECK(!check(x));
}

CAF_TEST(a holder of a slot comes back as it was written) {
  slot_holder x{"node-1", UINT64_MAX};
  CAF_CHECK(decode_slot_holder(encode(x)) == x);
  for (auto value : {"", "a", "a ", " 1", "a 0", "a -1", "a 1x", "a 1 2", "a 18446744073709551616"})
    CAF_CHECK(!decode_slot_holder(value));
}
