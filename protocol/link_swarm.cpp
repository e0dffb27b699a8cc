// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_swarm.hpp"

#include "protocol/packed_bytes.hpp"

namespace shoal {

namespace {

ip_family read_family(packed_reader& in) {
  auto family = in.number(6);
  in.need(family == 4 || family == 6);
  return family == 6 ? ip_family::v6 : ip_family::v4;
}

bool whole(const packed_reader& in) {
  return in.good() && in.left() == 0;
}

constexpr uint8_t peers_kind = 0;
constexpr uint8_t traffic_kind = 1;

struct paired_writer {
  packed_text& out;

  void operator()(const link_paired_peers& x) const {
    out.number(peers_kind).id(x.primary).number(x.source).number(x.reset);
    out.number(x.changes.size());
    for (auto& change : x.changes)
      out.fixed(change.identity).number(change.to);
    out.number(x.completed.size());
    for (auto identity : x.completed)
      out.fixed(identity);
  }

  void operator()(const link_paired_traffic& x) const {
    out.number(traffic_kind).id(x.primary).fixed(x.identity);
    out.number(x.family == ip_family::v4 ? 4 : 6).number(uint8_t(x.event));
    out.number(x.uploaded_bytes).number(x.downloaded_bytes).text(x.user);
  }
};

link_paired_peers read_peers(packed_reader& in) {
  link_paired_peers x;
  x.primary = in.id<info_hash>();
  x.source = static_cast<uint8_t>(in.number(2));
  in.need(x.source != 0);
  x.reset = in.flag();
  auto changes = in.number(limits::paired_changes_max);
  for (uint64_t i = 0; in.good() && i < changes; ++i) {
    auto identity = in.fixed<uint64_t>();
    x.changes.push_back({identity, static_cast<uint8_t>(in.number(2))});
  }
  auto completed = in.number(limits::paired_changes_max);
  for (uint64_t i = 0; in.good() && i < completed; ++i)
    x.completed.push_back(in.fixed<uint64_t>());
  return x;
}

link_paired_traffic read_traffic(packed_reader& in) {
  link_paired_traffic x;
  x.primary = in.id<info_hash>();
  x.identity = in.fixed<uint64_t>();
  x.family = read_family(in);
  x.event = announce_event{
      static_cast<uint8_t>(in.number(uint8_t(announce_event::announce_event_sentinel_) - 1u))};
  x.uploaded_bytes = in.number();
  x.downloaded_bytes = in.number();
  x.user = in.text(limits::user_id_bytes_max);
  return x;
}

link_described_peer read_peer(packed_reader& in) {
  link_described_peer x;
  auto family = read_family(in);
  x.address = in.wire(family);
  x.state = static_cast<uint8_t>(in.number(2));
  x.second_address = in.flag();
  x.silent_s = in.small();
  x.client = in.text(limits::relay_client_name_bytes_max);
  return x;
}

} // namespace

std::string encode(const link_paired& x) {
  packed_text out;
  std::visit(paired_writer{out}, x);
  return out.take();
}

std::optional<link_paired> decode_link_paired(std::string_view body) {
  packed_reader in{body};
  link_paired x;
  if (in.number(traffic_kind) == peers_kind)
    x = read_peers(in);
  else
    x = read_traffic(in);
  return whole(in) ? std::optional{std::move(x)} : std::nullopt;
}

std::string encode(const link_describe& x) {
  packed_text out;
  return out.id(x.swarm).number(x.addresses_max).take();
}

std::optional<link_describe> decode_link_describe(std::string_view body) {
  packed_reader in{body};
  link_describe x;
  x.swarm = in.id<info_hash>();
  x.addresses_max = static_cast<uint32_t>(in.number(limits::relay_described_max));
  return whole(in) ? std::optional{x} : std::nullopt;
}

std::string encode(const link_description& x) {
  packed_text out;
  out.number(x.complete).number(x.incomplete).number(x.downloaders).number(x.downloaded);
  out.number(x.interval_s).number(x.age_s).number(x.silent_s).number(x.connected);
  out.number(x.restored).number(x.addresses).number(x.memory_bytes).number(x.peers.size());
  for (auto& peer : x.peers)
    out.wire(peer.address)
        .number(peer.state)
        .number(peer.second_address)
        .number(peer.silent_s)
        .text(peer.client);
  return out.take();
}

std::optional<link_description> decode_link_description(std::string_view body) {
  packed_reader in{body};
  link_description x;
  x.complete = in.small();
  x.incomplete = in.small();
  x.downloaders = in.small();
  x.downloaded = in.number();
  x.interval_s = in.small();
  x.age_s = in.small();
  x.silent_s = in.small();
  x.connected = in.small();
  x.restored = in.flag();
  x.addresses = in.number();
  x.memory_bytes = in.number();
  auto count = in.number(limits::relay_described_max);
  for (uint64_t i = 0; in.good() && i < count; ++i)
    x.peers.push_back(read_peer(in));
  return whole(in) ? std::optional{std::move(x)} : std::nullopt;
}

} // namespace shoal
