// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.magnet

#include "protocol/magnet.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>
#include <libtorrent/magnet_uri.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const auto v1_hex = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"s;
const auto v1_base32 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"s;
const auto v2_hex = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"s;
const auto v1_topic = "magnet:?xt=urn:btih:" + v1_hex;

magnet_link hybrid() {
  magnet_link link;
  link.v1 = info_hash::from_hex(v1_hex);
  link.v2 = sha256_digest::from_hex(v2_hex);
  link.display_name = "org/model a+b & c=100% \xc3\xa9";
  link.trackers = {"http://t.example:6969/announce?x=1&y=2", "udp://t.example:80"};
  link.web_seeds = {"https://w.example/webseed/org/model/"};
  link.peers = {"1.2.3.4:6881", "[2001:db8::1]:6881"};
  return link;
}

magnet_link parsed(const std::string& uri) {
  auto link = parse_magnet(uri);
  if (!link)
    CAF_FAIL("refused: " + uri + ": " + to_string(link.error()));
  return *link;
}

} // namespace

CAF_TEST(a hybrid link is written with every value escaped) {
  CAF_CHECK_EQUAL(build_magnet(hybrid()),
                  "magnet:?xt=urn:btih:" + v1_hex + "&xt=urn:btmh:1220" + v2_hex
                      + "&dn=org%2Fmodel%20a%2Bb%20%26%20c%3D100%25%20%C3%A9"
                        "&tr=http%3A%2F%2Ft.example%3A6969%2Fannounce%3Fx%3D1%26y%3D2"
                        "&tr=udp%3A%2F%2Ft.example%3A80"
                        "&ws=https%3A%2F%2Fw.example%2Fwebseed%2Forg%2Fmodel%2F"
                        "&x.pe=1.2.3.4:6881&x.pe=[2001:db8::1]:6881");
}

CAF_TEST(what is written reads back) {
  CAF_CHECK(parsed(build_magnet(hybrid())) == hybrid());
  magnet_link v2_only;
  v2_only.v2 = sha256_digest::from_hex(v2_hex);
  CAF_CHECK(parsed(build_magnet(v2_only)) == v2_only);
  CAF_CHECK_EQUAL(build_magnet(v2_only), "magnet:?xt=urn:btmh:1220" + v2_hex);
}

CAF_TEST(libtorrent understands what is written) {
  lt::error_code err;
  auto params = lt::parse_magnet_uri(build_magnet(hybrid()), err);
  CAF_REQUIRE(!err);
  CAF_CHECK_EQUAL(to_hex(as_bytes(params.info_hashes.v1.to_string())), v1_hex);
  CAF_CHECK_EQUAL(to_hex(as_bytes(params.info_hashes.v2.to_string())), v2_hex);
  CAF_CHECK_EQUAL(params.name, hybrid().display_name);
  CAF_CHECK(params.trackers == hybrid().trackers);
  CAF_CHECK(params.url_seeds == hybrid().web_seeds);
  CAF_CHECK_EQUAL(params.peers.size(), 2u);
}

CAF_TEST(hashes come in hexadecimal and base32 digits of either case) {
  CAF_CHECK_EQUAL(parsed("magnet:?xt=urn:btih:" + v1_base32).v1->hex().substr(0), v1_hex);
  auto lower = "MAGNET:?xt=URN:BTIH:yex6dqdlxisuvhoj6um3gnnkpqjwpkek"s;
  CAF_CHECK(parsed(lower).v1 == info_hash::from_hex(v1_hex));
  CAF_CHECK(parsed("magnet:?xt=urn%3Abtih%3A" + v1_hex).v1 == info_hash::from_hex(v1_hex));
}

CAF_TEST(numbered parameters and plus signs of names are read) {
  auto link = parsed("magnet:?xt.1=urn:btih:" + v1_hex + "&xt.2=urn:ed2k:x&dn=a+b&tr.1=http://a+b"
                     + "&tr.2=u&x.pe=h:1&so=0-2&flag&xs=x");
  CAF_CHECK_EQUAL(link.display_name, "a b");
  CAF_CHECK(link.trackers == (std::vector{"http://a+b"s, "u"s}));
  CAF_CHECK(link.peers == std::vector{"h:1"s});
}

CAF_TEST(repeated hashes must agree) {
  CAF_CHECK(parse_magnet(v1_topic + "&xt=urn:btih:" + v1_base32).has_value());
  CAF_CHECK(!parse_magnet(v1_topic + "&xt=urn:btih:" + std::string(40, '0')));
}

CAF_TEST(bad links are refused) {
  for (const auto& uri :
       {""s, "magnet:"s, "magnet:?"s, "magnet:?dn=x"s, "http://x/?xt=urn:btih:" + v1_hex,
        "magnet:?xt=urn:btih:"s, "magnet:?xt=urn:btih:" + v1_hex.substr(1),
        "magnet:?xt=urn:btih:" + v1_hex + "0", "magnet:?xt=urn:btih:" + std::string(40, 'g'),
        "magnet:?xt=urn:btih:" + std::string(32, '1'), "magnet:?xt=urn:btmh:" + v2_hex,
        "magnet:?xt=urn:btmh:1114" + v1_hex, "magnet:?xt=urn:btmh:1220" + v2_hex + "00",
        "magnet:?xt=urn:ed2k:" + v1_hex, v1_topic + "&dn=%zz", v1_topic + "&tr=%"}) {
    auto link = parse_magnet(uri);
    if (link)
      CAF_FAIL("accepted: " + uri);
    CAF_CHECK(link.error().code == ec::invalid_argument);
  }
}

CAF_TEST(links are bounded) {
  auto long_link = v1_topic + "&dn=" + std::string(limits::magnet_bytes_max, 'x');
  CAF_CHECK(parse_magnet(long_link).error().code == ec::too_large);
  auto many = v1_topic;
  for (size_t i = 0; i < limits::magnet_fields_max - 1; ++i)
    many += "&tr=u";
  CAF_CHECK_EQUAL(parsed(many).trackers.size(), limits::magnet_fields_max - 1);
  CAF_CHECK(parse_magnet(many + "&tr=u").error().code == ec::too_large);
}

CAF_TEST(every truncation of a link parses or fails cleanly) {
  auto uri = build_magnet(hybrid());
  for (size_t size = 0; size <= uri.size(); ++size) {
    std::vector<char> prefix(uri.begin(), uri.begin() + static_cast<std::ptrdiff_t>(size));
    auto link = parse_magnet({prefix.data(), prefix.size()});
    if (link)
      CAF_CHECK(link->v1.has_value());
    else
      CAF_CHECK(!link.error().detail.empty());
  }
}
