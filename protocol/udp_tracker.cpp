// SPDX-License-Identifier: Apache-2.0
#include "protocol/udp_tracker.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace shoal {

namespace {

static_assert(std::endian::native == std::endian::little, "to_network swaps bytes");

uint16_t to_network(uint16_t x) {
  return __builtin_bswap16(x);
}
uint32_t to_network(uint32_t x) {
  return __builtin_bswap32(x);
}
uint64_t to_network(uint64_t x) {
  return __builtin_bswap64(x);
}

template <class T>
T read(std::span<const uint8_t> from, size_t at) {
  T value;
  std::memcpy(&value, from.data() + at, sizeof(value));
  return to_network(value);
}

template <class Id>
Id read_id(std::span<const uint8_t> from, size_t at) {
  Id id;
  std::memcpy(id.bytes.data(), from.data() + at, Id::size_bytes);
  return id;
}

template <class T>
void write(std::span<uint8_t> to, size_t at, T value) {
  value = to_network(value);
  std::memcpy(to.data() + at, &value, sizeof(value));
}

void write_bytes(std::span<uint8_t> to, size_t at, std::string_view bytes) {
  if (!bytes.empty()) // The views of empty peers and reasons may be null.
    std::memcpy(to.data() + at, bytes.data(), bytes.size());
}

/// Where things stand in an announce. @source BEP 15 "IPv4 announce request".
namespace announce_at {
constexpr size_t swarm = 16, peer = 36, downloaded = 56, left = 64, uploaded = 72, event = 80,
                 ipv4 = 84, key = 88, numwant = 92, port = 96;
} // namespace announce_at

/// @source BEP 41 "Options".
enum class option : uint8_t { end, nop, url_data };

constexpr size_t url_piece_bytes_max = 255;

uint64_t clamp_bytes(uint64_t claimed) {
  return std::min<uint64_t>(claimed, std::numeric_limits<int64_t>::max());
}

announce_event event_of(uint32_t code) {
  switch (code) {
  case 1:
    return announce_event::completed;
  case 2:
    return announce_event::started;
  case 3:
    return announce_event::stopped;
  case 4: // Not in BEP 15, but what clients send for BEP 21's "paused".
    return announce_event::paused;
  default:
    return announce_event::none;
  }
}

uint32_t code_of(announce_event event) {
  switch (event) {
  case announce_event::completed:
    return 1;
  case announce_event::started:
    return 2;
  case announce_event::stopped:
    return 3;
  case announce_event::paused:
    return 4;
  default:
    return 0;
  }
}

std::optional<uint32_t> numwant_of(uint32_t sent) {
  if (static_cast<int32_t>(sent) < 0)
    return std::nullopt;
  return std::min(sent, limits::numwant_max);
}

/// Joins the URLData of all options.
std::string_view read_url(std::span<const uint8_t> options, std::string& joined) {
  std::string_view url;
  auto pieces = 0;
  size_t at = 0;
  while (at < options.size()) {
    auto kind = option{options[at++]};
    if (kind == option::end)
      break;
    if (kind == option::nop)
      continue;
    if (at == options.size())
      break;
    size_t length = options[at++];
    if (length > options.size() - at)
      break;
    auto data = as_chars(options.subspan(at, length));
    at += length;
    if (kind != option::url_data || data.empty())
      continue;
    if (++pieces == 2)
      joined = url;
    if (pieces >= 2)
      url = joined += data;
    else
      url = data;
  }
  return url;
}

bool has_room(std::span<uint8_t> out, size_t bytes) {
  return out.size() >= bytes;
}

void write_head(std::span<uint8_t> out, uint64_t connection, udp_action action,
                uint32_t transaction) {
  write(out, 0, connection);
  write(out, 8, static_cast<uint32_t>(action));
  write(out, 12, transaction);
}

void write_reply_head(std::span<uint8_t> out, udp_action action, uint32_t transaction) {
  write(out, 0, static_cast<uint32_t>(action));
  write(out, 4, transaction);
}

} // namespace

// -- requests ------------------------------------------------------------------

std::optional<udp_head> read_udp_head(std::span<const uint8_t> packet) {
  if (packet.size() < udp_head_bytes)
    return std::nullopt;
  udp_head head{read<uint64_t>(packet, 0), udp_action{read<uint32_t>(packet, 8)},
                read<uint32_t>(packet, 12)};
  auto rest = packet.size() - udp_head_bytes;
  switch (head.action) {
  case udp_action::connect:
    if (head.connection == udp_connect_magic)
      return head;
    break;
  case udp_action::announce:
    if (packet.size() >= udp_announce_bytes)
      return head;
    break;
  case udp_action::scrape:
    if (rest != 0 && rest % info_hash::size_bytes == 0)
      return head;
    break;
  default:
    break;
  }
  return std::nullopt;
}

udp_announce read_udp_announce(std::span<const uint8_t> packet, std::string& joined) {
  udp_announce what;
  what.swarm = read_id<info_hash>(packet, announce_at::swarm);
  what.peer = read_id<peer_id>(packet, announce_at::peer);
  what.downloaded_bytes = clamp_bytes(read<uint64_t>(packet, announce_at::downloaded));
  what.left_bytes = clamp_bytes(read<uint64_t>(packet, announce_at::left));
  what.uploaded_bytes = clamp_bytes(read<uint64_t>(packet, announce_at::uploaded));
  what.event = event_of(read<uint32_t>(packet, announce_at::event));
  what.ipv4 = read<uint32_t>(packet, announce_at::ipv4);
  what.key = read<uint32_t>(packet, announce_at::key);
  what.numwant = numwant_of(read<uint32_t>(packet, announce_at::numwant));
  what.port = read<uint16_t>(packet, announce_at::port);
  if (packet.size() > udp_announce_bytes)
    what.url = read_url(packet.subspan(udp_announce_bytes), joined);
  return what;
}

std::span<const uint8_t> read_udp_scrape(std::span<const uint8_t> packet) {
  auto hashes = packet.subspan(udp_head_bytes);
  return hashes.first(
      std::min(hashes.size(), limits::udp_scrape_hashes_max * info_hash::size_bytes));
}

size_t write_udp_connect(std::span<uint8_t> out, uint32_t transaction) {
  if (!has_room(out, udp_head_bytes))
    return 0;
  write_head(out, udp_connect_magic, udp_action::connect, transaction);
  return udp_head_bytes;
}

size_t write_udp_announce(std::span<uint8_t> out, const udp_head& head, const udp_announce& what) {
  auto url = what.url;
  auto pieces = (url.size() + url_piece_bytes_max - 1) / url_piece_bytes_max;
  auto size = udp_announce_bytes + url.size() + 2 * pieces;
  if (!has_room(out, size))
    return 0;
  write_head(out, head.connection, udp_action::announce, head.transaction);
  write_bytes(out, announce_at::swarm, what.swarm.chars());
  write_bytes(out, announce_at::peer, what.peer.chars());
  write(out, announce_at::downloaded, what.downloaded_bytes);
  write(out, announce_at::left, what.left_bytes);
  write(out, announce_at::uploaded, what.uploaded_bytes);
  write(out, announce_at::event, code_of(what.event));
  write(out, announce_at::ipv4, what.ipv4);
  write(out, announce_at::key, what.key);
  write(out, announce_at::numwant, what.numwant.value_or(std::numeric_limits<uint32_t>::max()));
  write(out, announce_at::port, what.port);
  for (auto at = udp_announce_bytes; !url.empty();) {
    auto piece = url.substr(0, url_piece_bytes_max);
    url.remove_prefix(piece.size());
    out[at++] = static_cast<uint8_t>(option::url_data);
    out[at++] = static_cast<uint8_t>(piece.size());
    write_bytes(out, at, piece);
    at += piece.size();
  }
  return size;
}

size_t write_udp_scrape(std::span<uint8_t> out, const udp_head& head,
                        std::span<const info_hash> swarms) {
  auto size = udp_head_bytes + swarms.size() * info_hash::size_bytes;
  if (!has_room(out, size))
    return 0;
  write_head(out, head.connection, udp_action::scrape, head.transaction);
  auto at = udp_head_bytes;
  for (auto& swarm : swarms) {
    write_bytes(out, at, swarm.chars());
    at += info_hash::size_bytes;
  }
  return size;
}

// -- replies -------------------------------------------------------------------

udp_scrape_counts udp_scrape_reply::operator[](size_t index) const {
  auto at = index * udp_scrape_counts_bytes;
  return {read<uint32_t>(raw, at), read<uint32_t>(raw, at + 4), read<uint32_t>(raw, at + 8)};
}

std::optional<udp_reply> read_udp_reply(std::span<const uint8_t> packet, ip_family family) {
  if (packet.size() < 8)
    return std::nullopt;
  auto transaction = read<uint32_t>(packet, 4);
  switch (udp_action{read<uint32_t>(packet, 0)}) {
  case udp_action::connect:
    if (packet.size() < 16)
      return std::nullopt;
    return udp_connect_reply{transaction, read<uint64_t>(packet, 8)};
  case udp_action::announce: {
    if (packet.size() < udp_announce_reply_bytes)
      return std::nullopt;
    auto peers = packet.subspan(udp_announce_reply_bytes);
    if (peers.size() % udp_peer_bytes(family) != 0)
      return std::nullopt;
    return udp_announce_reply{transaction, read<uint32_t>(packet, 8), read<uint32_t>(packet, 12),
                              read<uint32_t>(packet, 16), as_chars(peers)};
  }
  case udp_action::scrape: {
    auto raw = packet.subspan(8);
    if (raw.size() % udp_scrape_counts_bytes != 0)
      return std::nullopt;
    return udp_scrape_reply{transaction, raw};
  }
  case udp_action::error:
    return udp_error_reply{transaction, as_chars(packet.subspan(8))};
  }
  return std::nullopt;
}

size_t write_udp_connect_reply(std::span<uint8_t> out, const udp_connect_reply& reply) {
  if (!has_room(out, 16))
    return 0;
  write_reply_head(out, udp_action::connect, reply.transaction);
  write(out, 8, reply.connection);
  return 16;
}

size_t write_udp_announce_reply(std::span<uint8_t> out, const udp_announce_reply& reply,
                                ip_family family) {
  if (!has_room(out, udp_announce_reply_bytes))
    return 0;
  write_reply_head(out, udp_action::announce, reply.transaction);
  write(out, 8, reply.interval_s);
  write(out, 12, reply.leechers);
  write(out, 16, reply.seeders);
  auto stride = udp_peer_bytes(family);
  auto room = std::min(out.size() - udp_announce_reply_bytes, reply.peers.size());
  auto peers = reply.peers.substr(0, room / stride * stride);
  write_bytes(out, udp_announce_reply_bytes, peers);
  return udp_announce_reply_bytes + peers.size();
}

size_t write_udp_scrape_head(std::span<uint8_t> out, uint32_t transaction) {
  if (!has_room(out, 8))
    return 0;
  write_reply_head(out, udp_action::scrape, transaction);
  return 8;
}

size_t write_udp_scrape_counts(std::span<uint8_t> out, const udp_scrape_counts& counts) {
  if (!has_room(out, udp_scrape_counts_bytes))
    return 0;
  write(out, 0, counts.seeders);
  write(out, 4, counts.completed);
  write(out, 8, counts.leechers);
  return udp_scrape_counts_bytes;
}

size_t write_udp_error(std::span<uint8_t> out, const udp_error_reply& reply) {
  if (!has_room(out, 8))
    return 0;
  write_reply_head(out, udp_action::error, reply.transaction);
  auto reason = reply.reason.substr(0, out.size() - 8);
  write_bytes(out, 8, reason);
  return 8 + reason.size();
}

} // namespace shoal
