// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_web.hpp"

#include "protocol/packed_bytes.hpp"

#include <utility>

namespace shoal {

namespace {

struct writer {
  packed_text& out;

  void operator()(const link_web_announce& x) const {
    out.number(x.line).id(x.swarm).id(x.id).fixed(x.identity).address(x.client);
    out.number(x.uploaded_bytes).number(x.downloaded_bytes).number(x.left_bytes);
    out.number(uint8_t(x.event)).text(x.user).number(x.arrived_us).number(x.offers.size());
    for (auto& offer : x.offers)
      out.id(offer.id).text(offer.sdp);
  }
  void operator()(const link_web_left& x) const {
    out.number(x.line).id(x.swarm).fixed(x.identity);
  }
  void operator()(const link_web_reply& x) const {
    out.number(x.line).id(x.swarm).number(x.interval_s).number(x.complete);
    out.number(x.incomplete).number(x.arrived_us);
  }
  void operator()(const link_web_offered& x) const {
    out.number(x.line).id(x.swarm).id(x.to).id(x.from).text(x.node).number(x.offerer_line);
    out.id(x.offer.id).text(x.offer.sdp);
  }
  void operator()(const link_web_answered& x) const {
    out.number(x.line).id(x.swarm).id(x.to).id(x.from).id(x.answer.id).text(x.answer.sdp);
  }
  void operator()(const link_web_evicted& x) const { out.number(x.line).id(x.swarm); }
};

ip_address read_address(packed_reader& in) {
  auto size = in.number(16);
  in.need(size == 4 || size == 16);
  return in.address(size == 4 ? ip_family::v4 : ip_family::v6);
}

ws_offer read_offer(packed_reader& in) {
  ws_offer x;
  x.id = in.id<offer_id>();
  x.sdp = in.text(limits::ws_message_bytes_max);
  return x;
}

void read(packed_reader& in, link_web_announce& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
  x.id = in.id<peer_id>();
  x.identity = in.fixed<uint64_t>();
  x.client = read_address(in);
  x.uploaded_bytes = in.number();
  x.downloaded_bytes = in.number();
  x.left_bytes = in.number();
  x.event = announce_event{
      static_cast<uint8_t>(in.number(uint8_t(announce_event::announce_event_sentinel_) - 1u))};
  x.user = in.text(limits::user_id_bytes_max);
  x.arrived_us = in.number();
  auto count = in.number(limits::ws_offers_max);
  for (uint64_t i = 0; in.good() && i < count; ++i)
    x.offers.push_back(read_offer(in));
}

void read(packed_reader& in, link_web_left& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
  x.identity = in.fixed<uint64_t>();
}

void read(packed_reader& in, link_web_reply& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
  x.interval_s = in.small();
  x.complete = in.small();
  x.incomplete = in.small();
  x.arrived_us = in.number();
}

void read(packed_reader& in, link_web_offered& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
  x.to = in.id<peer_id>();
  x.from = in.id<peer_id>();
  x.node = in.text(link_node_bytes_max);
  in.need(!x.node.empty());
  x.offerer_line = in.number();
  x.offer = read_offer(in);
}

void read(packed_reader& in, link_web_answered& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
  x.to = in.id<peer_id>();
  x.from = in.id<peer_id>();
  x.answer = read_offer(in);
}

void read(packed_reader& in, link_web_evicted& x) {
  x.line = in.number();
  x.swarm = in.id<info_hash>();
}

/// Makes the alternative of that number and reads it.
template <size_t... Kind>
std::optional<link_web> read_kind(packed_reader& in, size_t kind, std::index_sequence<Kind...>) {
  std::optional<link_web> x;
  auto try_one = [&](auto empty, size_t number) {
    if (kind == number) {
      read(in, empty);
      x = std::move(empty);
    }
  };
  (try_one(std::variant_alternative_t<Kind, link_web>{}, Kind), ...);
  return x;
}

} // namespace

std::optional<std::string> encode(const link_web& x) {
  packed_text out;
  out.number(x.index());
  std::visit(writer{out}, x);
  auto body = out.take();
  if (body.size() > link_web_bytes_max)
    return std::nullopt;
  return body;
}

std::optional<link_web> decode_link_web(std::string_view body) {
  if (body.size() > link_web_bytes_max)
    return std::nullopt;
  packed_reader in{body};
  auto kind = static_cast<size_t>(in.number(std::variant_size_v<link_web> - 1));
  auto x = read_kind(in, kind, std::make_index_sequence<std::variant_size_v<link_web>>{});
  if (!in.good() || in.left() != 0)
    return std::nullopt;
  return x;
}

} // namespace shoal
