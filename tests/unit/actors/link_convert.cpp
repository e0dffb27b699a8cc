// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.link_convert

#include "actors/link_convert.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

/// Every field differs from its default and from its neighbours.
announce_request request() {
  announce_request x;
  x.exchange = 1;
  x.swarm.bytes.fill(2);
  x.peer = {ip_address::v4({1, 2, 3, 4}), 5};
  x.id.bytes.fill(6);
  x.identity = 7;
  x.uploaded = 8;
  x.downloaded = 9;
  x.left = 10;
  x.event = announce_event::paused;
  x.numwant = 11;
  x.with_ids = true;
  x.own_family_only = true;
  x.user = "twelve";
  return x;
}

/// What CAF would send, to compare all fields there are.
template <class T>
std::string all_of(const T& x) {
  return caf::deep_to_string(x);
}

} // namespace

CAF_TEST(an announce reaches the swarm of another node as it is) {
  auto sent = request();
  std::string body;
  link_announce_writer out{body, 1, false};
  CAF_REQUIRE(out.add(to_link(sent, true)));
  link_announce_reader in{body};
  link_announce read;
  CAF_REQUIRE(in.next(read));
  announce_request got;
  got.exchange = sent.exchange;
  from_link(read, got);
  CAF_CHECK_EQUAL(all_of(got), all_of(sent));
  CAF_MESSAGE("of a peer id that nobody remembers only the client's name");
  sent.id.bytes.fill(0);
  std::fill_n(sent.id.bytes.begin(), 8, uint8_t{6});
  link_announce_writer shorter{body, 1, false};
  CAF_REQUIRE(shorter.add(to_link(request(), false)));
  link_announce_reader again{body};
  CAF_REQUIRE(again.next(read));
  from_link(read, got);
  CAF_CHECK_EQUAL(all_of(got), all_of(sent));
}

CAF_TEST(a reply comes back as it is) {
  announce_reply sent{
      1, 2, 3, 4, 5, std::string(12, 'a'), std::string(18, 'b'), std::string(60, 'c')};
  std::string body;
  append_link_answer(body, to_link(sent, 77));
  link_answer_reader in{body};
  link_answer read;
  CAF_REQUIRE(in.next(read));
  CAF_CHECK_EQUAL(read.ticket, 77u);
  announce_reply got;
  got.exchange = 1;
  from_link(read, got);
  CAF_CHECK_EQUAL(all_of(got), all_of(sent));
  swarm_numbers numbers{1, 2, 3, 4};
  CAF_CHECK_EQUAL(all_of(from_link(to_link(numbers))), all_of(numbers));
}

CAF_TEST(an announce over WebSocket reaches the swarm of another node as it is) {
  web_announce sent;
  sent.swarm.bytes.fill(1);
  sent.id.bytes.fill(2);
  sent.identity = 3;
  sent.client = ip_address::v4({4, 4, 4, 4});
  sent.uploaded = 5;
  sent.downloaded = 6;
  sent.left = 7;
  sent.event = announce_event::started;
  sent.offers = {{{}, "sdp"}};
  sent.user = "eight";
  sent.arrived_us = 9;
  auto body = encode(to_link(sent, 10));
  CAF_REQUIRE(body);
  auto read = decode_link_web(*body);
  CAF_REQUIRE(read);
  auto& got = std::get<link_web_announce>(*read);
  CAF_CHECK_EQUAL(got.line, 10u);
  CAF_CHECK_EQUAL(all_of(from_link(got)), all_of(sent));
}
