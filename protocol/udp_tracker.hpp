// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// The UDP tracker protocol, both ways. Readers view the packet that they are given and never
/// allocate but for a URL in several pieces; writers fill a buffer of the caller's and return the
/// bytes written, 0 if it is too small. @source BEP 15, BEP 41.
namespace shoal {

enum class udp_action : uint32_t { connect, announce, scrape, error };

// -- requests ------------------------------------------------------------------

/// What all requests begin with.
struct udp_head {
  uint64_t connection = 0; ///< From the connect reply; `udp_connect_magic` in a connect.
  udp_action action = udp_action::connect;
  uint32_t transaction = 0; ///< The client's choice; comes back in the reply.

  bool operator==(const udp_head&) const = default;
};

inline constexpr uint64_t udp_connect_magic = 0x41727101980;
inline constexpr size_t udp_head_bytes = 16;
inline constexpr size_t udp_announce_bytes = 98; ///< Without options.

/// @returns nothing for what no client sends: too short for its action, an unknown action, a
/// connect without the magic number, a scrape of no or half a hash. Such packets are ignored.
std::optional<udp_head> read_udp_head(std::span<const uint8_t> packet);

struct udp_announce {
  info_hash swarm;
  peer_id peer;
  uint64_t downloaded_bytes = 0; ///< Since `started`, 0..2^63-1; larger ones are clamped.
  uint64_t left_bytes = 0;       ///< 0 marks a seeder, 0..2^63-1.
  uint64_t uploaded_bytes = 0;   ///< Since `started`, 0..2^63-1.
  announce_event event = announce_event::none; ///< 4 is `paused`, above is `none`.
  uint32_t ipv4 = 0;               ///< Ignored by trackers, or anybody could name a victim.
  uint32_t key = 0;                ///< Recognises a peer whose address changed.
  std::optional<uint32_t> numwant; ///< 0..limits::numwant_max; nothing for -1 and the like.
  uint16_t port = 0;
  std::string_view url; ///< Path and query that the client was given, all URLData joined.

  bool operator==(const udp_announce&) const = default;
};

/// Reads an announce that `read_udp_head` has let pass. Options that it does not know are skipped,
/// a truncated one ends the list.
/// @param joined holds the URL if it came in several pieces, and outlives the announce.
udp_announce read_udp_announce(std::span<const uint8_t> packet, std::string& joined);

/// @returns the 20-byte hashes of a scrape that `read_udp_head` has let pass, at most
/// limits::udp_scrape_hashes_max of them.
std::span<const uint8_t> read_udp_scrape(std::span<const uint8_t> packet);

size_t write_udp_connect(std::span<uint8_t> out, uint32_t transaction);

/// @param head its action does not matter.
size_t write_udp_announce(std::span<uint8_t> out, const udp_head& head, const udp_announce& what);

size_t write_udp_scrape(std::span<uint8_t> out, const udp_head& head,
                        std::span<const info_hash> swarms);

// -- replies -------------------------------------------------------------------

struct udp_connect_reply {
  uint32_t transaction = 0;
  uint64_t connection = 0;

  bool operator==(const udp_connect_reply&) const = default;
};

struct udp_announce_reply {
  uint32_t transaction = 0;
  uint32_t interval_s = 0;
  uint32_t leechers = 0;
  uint32_t seeders = 0;
  std::string_view peers; ///< 6 bytes each over IPv4, 18 over IPv6.

  bool operator==(const udp_announce_reply&) const = default;
};

struct udp_scrape_counts {
  uint32_t seeders = 0;
  uint32_t completed = 0;
  uint32_t leechers = 0;

  bool operator==(const udp_scrape_counts&) const = default;
};

inline constexpr size_t udp_announce_reply_bytes = 20; ///< Without peers.
inline constexpr size_t udp_scrape_counts_bytes = 12;

struct udp_scrape_reply {
  uint32_t transaction = 0;
  std::span<const uint8_t> raw; ///< Counts in the order of the hashes asked for.

  size_t size() const { return raw.size() / udp_scrape_counts_bytes; }
  udp_scrape_counts operator[](size_t index) const;
};

struct udp_error_reply {
  uint32_t transaction = 0;
  std::string_view reason;

  bool operator==(const udp_error_reply&) const = default;
};

/// Bytes that a peer takes in a reply over that family.
constexpr size_t udp_peer_bytes(ip_family family) {
  return family == ip_family::v4 ? 6 : 18;
}

using udp_reply
    = std::variant<udp_connect_reply, udp_announce_reply, udp_scrape_reply, udp_error_reply>;

/// @param family of the socket: says how long a peer is.
/// @returns nothing for what no tracker sends.
std::optional<udp_reply> read_udp_reply(std::span<const uint8_t> packet, ip_family family);

size_t write_udp_connect_reply(std::span<uint8_t> out, const udp_connect_reply& reply);

/// Leaves out the peers for which there is no room.
/// @param family of the peers.
size_t write_udp_announce_reply(std::span<uint8_t> out, const udp_announce_reply& reply,
                                ip_family family);

/// Writes the head of a scrape reply; counts follow one by one with `write_udp_scrape_counts`.
size_t write_udp_scrape_head(std::span<uint8_t> out, uint32_t transaction);
size_t write_udp_scrape_counts(std::span<uint8_t> out, const udp_scrape_counts& counts);

/// Cuts a reason for which there is no room.
size_t write_udp_error(std::span<uint8_t> out, const udp_error_reply& reply);

} // namespace shoal
