// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.link_web

#include "protocol/link_web.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

template <class Id>
Id id_of(uint8_t x) {
  Id id;
  id.bytes.fill(x);
  return id;
}

ws_offer offer_of(uint8_t x, size_t bytes) {
  return {id_of<offer_id>(x), std::string(bytes, char('a' + x % 26))};
}

link_web_announce announce() {
  link_web_announce x;
  x.line = 77;
  x.swarm = id_of<info_hash>(1);
  x.id = id_of<peer_id>(2);
  x.identity = 0x0123456789abcdef;
  x.client = *ip_address::parse("2001:db8::1");
  x.uploaded_bytes = 5;
  x.downloaded_bytes = UINT64_MAX;
  x.left_bytes = 7;
  x.event = announce_event::paused;
  x.user = "somebody";
  x.arrived_us = 1'000'000;
  for (uint8_t i = 0; i < limits::ws_offers_max; ++i)
    x.offers.push_back(offer_of(i, 3000u + i));
  return x;
}

/// One of each kind.
std::vector<link_web> samples() {
  auto swarm = id_of<info_hash>(1);
  auto to = id_of<peer_id>(2);
  auto from = id_of<peer_id>(3);
  link_web_announce bare;
  bare.client = ip_address::v4({1, 2, 3, 4});
  return {announce(),
          bare,
          link_web_left{1, swarm, 9},
          link_web_reply{2, swarm, 120, 3, UINT32_MAX, 5},
          link_web_offered{3, swarm, to, from, "node-1", 4, offer_of(7, 2000)},
          link_web_answered{5, swarm, to, from, offer_of(8, 0)},
          link_web_evicted{6, swarm}};
}

} // namespace

CAF_TEST(every message comes back as it was sent) {
  for (auto& x : samples()) {
    auto body = encode(x);
    CAF_REQUIRE(body);
    auto back = decode_link_web(*body);
    CAF_REQUIRE(back);
    CAF_CHECK(*back == x);
  }
}

CAF_TEST(truncated and prolonged messages are refused) {
  for (auto& x : samples()) {
    auto body = *encode(x);
    for (size_t n = 0; n < body.size(); ++n)
      CAF_CHECK(!decode_link_web(std::string_view{body}.substr(0, n)));
    body += '\0';
    CAF_CHECK(!decode_link_web(body));
  }
}

CAF_TEST(what no node sends is refused) {
  CAF_MESSAGE("an unknown kind");
  auto body = *encode(link_web_evicted{6, id_of<info_hash>(1)});
  body[0] = 6;
  CAF_CHECK(!decode_link_web(body));
  CAF_MESSAGE("an unknown event");
  auto x = announce();
  x.event = announce_event::announce_event_sentinel_;
  CAF_CHECK(!decode_link_web(*encode(x)));
  CAF_MESSAGE("too many offers");
  x = announce();
  x.offers.resize(limits::ws_offers_max + 1);
  CAF_CHECK(!decode_link_web(*encode(x)));
  CAF_MESSAGE("an offer of a node without a name");
  link_web_offered nobody;
  CAF_CHECK(!decode_link_web(*encode(nobody)));
  CAF_MESSAGE("more than a client could say");
  x = announce();
  x.offers[0].sdp.assign(link_web_bytes_max, 'x');
  CAF_CHECK(!encode(x));
}
