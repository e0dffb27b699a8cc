// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.link_swarm

#include "protocol/link_swarm.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

info_hash hash_of(uint8_t x) {
  info_hash h;
  h.bytes.fill(x);
  return h;
}

std::vector<link_paired> paired_samples() {
  return {link_paired_peers{hash_of(1), 2, true, {{7, 0}, {UINT64_MAX, 1}, {8, 2}}, {9, 10}},
          link_paired_peers{hash_of(1), 1, false, {}, {}},
          link_paired_traffic{hash_of(2), 3, ip_family::v6, announce_event::paused, UINT64_MAX, 5,
                              "somebody"}};
}

link_description description() {
  link_description x{1, 2, 3, UINT64_MAX, 4, 5, 6, 7, true, 8, 9, {}};
  x.peers.push_back({{*ip_address::parse("10.1.2.3"), 80}, 1, false, 11, "-TR3000-"});
  x.peers.push_back({{*ip_address::parse("2001:db8::1"), 65535}, 2, true, UINT32_MAX, ""});
  return x;
}

/// Neither any beginning of the body nor more than it is accepted.
template <class Decode>
void is_exact(std::string body, Decode decode) {
  for (size_t n = 0; n < body.size(); ++n)
    CAF_CHECK(!decode(std::string_view{body}.substr(0, n)));
  body += '\0';
  CAF_CHECK(!decode(body));
}

} // namespace

CAF_TEST(what swarms of a torrent tell each other comes back as it was sent) {
  for (auto& x : paired_samples()) {
    auto body = encode(x);
    auto back = decode_link_paired(body);
    CAF_REQUIRE(back);
    CAF_CHECK(*back == x);
    is_exact(body, decode_link_paired);
  }
}

CAF_TEST(questions and descriptions come back as they were sent) {
  link_describe question{hash_of(3), limits::relay_described_max};
  auto asked = decode_link_describe(encode(question));
  CAF_REQUIRE(asked);
  CAF_CHECK(*asked == question);
  is_exact(encode(question), decode_link_describe);
  auto back = decode_link_description(encode(description()));
  CAF_REQUIRE(back);
  CAF_CHECK(*back == description());
  is_exact(encode(description()), decode_link_description);
}

CAF_TEST(what no node sends about swarms is refused) {
  CAF_CHECK(!decode_link_paired(encode(link_paired_peers{hash_of(1), 0, false, {}, {}})));
  CAF_CHECK(!decode_link_paired(encode(link_paired_peers{hash_of(1), 3, false, {}, {}})));
  CAF_CHECK(!decode_link_paired(encode(link_paired_peers{hash_of(1), 1, false, {{1, 3}}, {}})));
  link_paired_peers many{hash_of(1), 1, false, {}, {}};
  many.changes.resize(limits::paired_changes_max + 1);
  CAF_CHECK(!decode_link_paired(encode(many)));
  link_paired_traffic traffic{hash_of(2), 3, ip_family::v4, announce_event::none, 1, 1, "x"};
  traffic.user.assign(limits::user_id_bytes_max + 1, 'x');
  CAF_CHECK(!decode_link_paired(encode(traffic)));
  traffic.user = "x";
  traffic.event = announce_event::announce_event_sentinel_;
  CAF_CHECK(!decode_link_paired(encode(traffic)));
  CAF_CHECK(!decode_link_describe(encode(link_describe{{}, limits::relay_described_max + 1})));
  auto x = description();
  x.peers.resize(limits::relay_described_max + 1);
  CAF_CHECK(!decode_link_description(encode(x)));
  x = description();
  x.peers[0].client.assign(limits::relay_client_name_bytes_max + 1, 'x');
  CAF_CHECK(!decode_link_description(encode(x)));
  x = description();
  x.peers[0].state = 3;
  CAF_CHECK(!decode_link_description(encode(x)));
}
