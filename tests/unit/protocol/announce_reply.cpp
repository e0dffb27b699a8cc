// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.announce_reply

#include "protocol/announce_reply.hpp"

#include <caf/test/unit_test.hpp>
#include <libtorrent/bdecode.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const auto two_peers = "\x7f\0\0\x01\x1a\xe1\x08\x08\x08\x08\0\x50"s;
const auto one_peer6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1"s;

std::string written(const announce_reply_view& reply) {
  std::string out;
  append_announce_reply(out, reply);
  return out;
}

std::string listed(const announce_reply_view& reply, bool no_peer_id) {
  std::string out;
  append_announce_reply_list(out, reply, no_peer_id);
  return out;
}

/// libtorrent is strict about the shape; key order is checked here.
bool is_sorted_dict(const std::string& text) {
  lt::error_code err;
  auto root = lt::bdecode(text, err);
  if (err || root.type() != lt::bdecode_node::dict_t || root.has_soft_error({}))
    return false;
  for (int i = 1; i < root.dict_size(); ++i)
    if (root.dict_at(i - 1).first >= root.dict_at(i).first)
      return false;
  return true;
}

announce_reply_view full_reply() {
  announce_reply_view reply;
  reply.complete = 3;
  reply.incomplete = 4;
  reply.downloaded = 5;
  reply.external_ip = ip_address::parse("8.8.4.4");
  reply.interval = 1800s;
  reply.min_interval = 900s;
  reply.peers = two_peers;
  reply.peers6 = one_peer6;
  reply.tracker_id = "t1";
  reply.warning_message = "soon gone";
  return reply;
}

} // namespace

CAF_TEST(the smallest reply still carries peers) {
  announce_reply_view reply;
  reply.interval = 1800s;
  CAF_CHECK_EQUAL(written(reply), "d8:completei0e10:incompletei0e8:intervali1800e5:peers0:e");
}

CAF_TEST(a full compact reply is sorted byte for byte) {
  auto out = written(full_reply());
  CAF_CHECK_EQUAL(out, "d8:completei3e10:downloadedi5e11:external ip4:\x08\x08\x04\x04"
                       "10:incompletei4e8:intervali1800e12:min intervali900e5:peers12:"s
                           + two_peers + "6:peers618:" + one_peer6
                           + "10:tracker id2:t115:warning message9:soon gonee");
}

CAF_TEST(an IPv6 caller sees sixteen bytes of its address) {
  announce_reply_view reply;
  reply.external_ip = ip_address::parse("2001:db8::1");
  auto out = written(reply);
  CAF_CHECK(out.find("11:external ip16:" + one_peer6.substr(0, 16)) != std::string::npos);
}

CAF_TEST(a list reply names each peer of both families) {
  auto reply = full_reply();
  auto ids = "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccccccccccccc"s;
  reply.peer_ids = ids;
  auto peers = "5:peersld2:ip9:127.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee"
               "d2:ip7:8.8.8.87:peer id20:bbbbbbbbbbbbbbbbbbbb4:porti80ee"
               "d2:ip11:2001:db8::17:peer id20:cccccccccccccccccccc4:porti6881eee"s;
  auto out = listed(reply, false);
  CAF_CHECK(out.find(peers) != std::string::npos);
  CAF_CHECK(out.find("6:peers6") == std::string::npos);
}

CAF_TEST(a list reply leaves ids out on request or for want of them) {
  auto reply = full_reply();
  auto without = listed(reply, false);
  auto ids = std::string(60, 'x');
  reply.peer_ids = ids;
  CAF_CHECK_EQUAL(listed(reply, true), without);
  CAF_CHECK(without.find("peer id") == std::string::npos);
  CAF_CHECK(without.find("d2:ip7:8.8.8.84:porti80ee") != std::string::npos);
  announce_reply_view empty;
  CAF_CHECK(listed(empty, false).find("5:peerslee") != std::string::npos);
}

CAF_TEST(a strict decoder accepts every reply) {
  CAF_CHECK(is_sorted_dict(written(full_reply())));
  CAF_CHECK(is_sorted_dict(written({})));
  CAF_CHECK(is_sorted_dict(listed(full_reply(), true)));
  CAF_CHECK(is_sorted_dict(listed({}, false)));
}

CAF_TEST(a reply is appended to what is there) {
  std::string out = "head";
  append_announce_reply(out, {});
  CAF_CHECK_EQUAL(out.substr(0, 6), "headd8");
}

CAF_TEST(a failure carries its reason and when to retry) {
  auto failure = [](std::string_view reason, std::optional<std::chrono::minutes> retry_in = {}) {
    std::string out;
    append_failure(out, reason, retry_in);
    return out;
  };
  CAF_CHECK_EQUAL(failure("Unauthorized"), "d14:failure reason12:Unauthorizede");
  CAF_CHECK_EQUAL(failure("x", 10min), "d14:failure reason1:x8:retry ini10ee");
  CAF_CHECK_EQUAL(failure("x", 0min), "d14:failure reason1:x8:retry ini1ee");
  CAF_CHECK_EQUAL(failure("x", retry_never), "d14:failure reason1:x8:retry in5:nevere");
}
