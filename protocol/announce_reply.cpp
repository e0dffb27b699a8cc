// SPDX-License-Identifier: Apache-2.0
#include "protocol/announce_reply.hpp"

#include "core/error.hpp"
#include "core/hex.hpp"
#include "core/ids.hpp"
#include "protocol/bencode.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr size_t peer_bytes = 6;
constexpr size_t peer6_bytes = 18;

/// The keys that sort before "peers".
void append_head(bencode_writer& out, const announce_reply_view& reply) {
  out.begin_dict().string("complete").integer(reply.complete);
  if (reply.downloaded)
    out.string("downloaded").integer(*reply.downloaded);
  if (reply.external_ip) {
    std::span<const uint8_t> bytes = reply.external_ip->bytes;
    out.string("external ip").string(as_chars(bytes.first(reply.external_ip->size())));
  }
  out.string("incomplete").integer(reply.incomplete);
  out.string("interval").integer(reply.interval.count());
  if (reply.min_interval)
    out.string("min interval").integer(reply.min_interval->count());
}

/// The keys that sort after "peers6".
void append_tail(bencode_writer& out, const announce_reply_view& reply) {
  if (!reply.tracker_id.empty())
    out.string("tracker id").string(reply.tracker_id);
  if (!reply.warning_message.empty())
    out.string("warning message").string(reply.warning_message);
  out.end();
}

endpoint decode_peer(std::string_view wire) {
  auto bytes = as_bytes(wire);
  endpoint peer;
  auto address_bytes = bytes.size() - 2;
  if (address_bytes != 4)
    peer.address.family = ip_family::v6;
  std::copy_n(bytes.begin(), address_bytes, peer.address.bytes.begin());
  peer.port = static_cast<uint16_t>(bytes[address_bytes] << 8 | bytes[address_bytes + 1]);
  return peer;
}

void append_peer(bencode_writer& out, std::string_view wire, std::string_view id) {
  auto peer = decode_peer(wire);
  out.begin_dict().string("ip").string(peer.address.str());
  if (!id.empty())
    out.string("peer id").string(id);
  out.string("port").integer(peer.port).end();
}

void check_shape(const announce_reply_view& reply) {
  SHOAL_CHECK(reply.peers.size() % peer_bytes == 0);
  SHOAL_CHECK(reply.peers6.size() % peer6_bytes == 0);
}

} // namespace

void append_announce_reply(std::string& out, const announce_reply_view& reply) {
  check_shape(reply);
  bencode_writer writer{out};
  append_head(writer, reply);
  writer.string("peers").string(reply.peers);
  if (!reply.peers6.empty())
    writer.string("peers6").string(reply.peers6);
  append_tail(writer, reply);
}

void append_announce_reply_list(std::string& out, const announce_reply_view& reply,
                                bool no_peer_id) {
  check_shape(reply);
  auto ids = no_peer_id ? std::string_view{} : reply.peer_ids;
  auto count = reply.peers.size() / peer_bytes + reply.peers6.size() / peer6_bytes;
  SHOAL_CHECK(ids.empty() || ids.size() == count * peer_id::size_bytes);
  auto next_id = [&ids] {
    auto id = ids.substr(0, peer_id::size_bytes);
    ids.remove_prefix(id.size());
    return id;
  };
  bencode_writer writer{out};
  append_head(writer, reply);
  writer.string("peers").begin_list();
  for (size_t i = 0; i < reply.peers.size(); i += peer_bytes)
    append_peer(writer, reply.peers.substr(i, peer_bytes), next_id());
  for (size_t i = 0; i < reply.peers6.size(); i += peer6_bytes)
    append_peer(writer, reply.peers6.substr(i, peer6_bytes), next_id());
  writer.end();
  append_tail(writer, reply);
}

void append_failure(std::string& out, std::string_view reason,
                    std::optional<std::chrono::minutes> retry_in) {
  bencode_writer writer{out};
  writer.begin_dict().string("failure reason").string(reason);
  if (retry_in == retry_never)
    writer.string("retry in").string("never");
  else if (retry_in)
    writer.string("retry in").integer(std::max<int64_t>(retry_in->count(), 1));
  writer.end();
}

} // namespace shoal
