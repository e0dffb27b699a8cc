// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// What a client says about its state.
enum class announce_event : uint8_t {
  none,      ///< A regular announce; also "empty", "" and every unknown word.
  started,   ///< The first announce of a session.
  completed, ///< The download has just finished.
  stopped,   ///< The client leaves the swarm.
  paused,    ///< BEP 21: a partial seed, said in every announce while it is one.
  announce_event_sentinel_
};

/// @returns the word of the wire, "" for `none`.
std::string_view name(announce_event event);

/// An HTTP announce. The address of a peer is that of its connection: `ip`, `ipv4` and `ipv6` are
/// ignored, or anybody could point a swarm at a victim.
struct announce_query {
  /// `left_bytes` of a client that does not know yet what it downloads (a magnet link).
  static constexpr uint64_t left_unknown = std::numeric_limits<int64_t>::max();

  info_hash swarm;                      ///< The 20 bytes that name the swarm.
  std::optional<sha256_digest> v2_hash; ///< All 32 bytes if the client sent them.
  peer_id peer;                         ///< Chosen by the client.
  uint16_t port = 0;                    ///< 1..65535; 0 only with `stopped`.
  uint64_t uploaded_bytes = 0;          ///< Since `started`, 0..2^63-1.
  uint64_t downloaded_bytes = 0;        ///< Since `started`, 0..2^63-1.
  uint64_t left_bytes = left_unknown;   ///< 0 marks a seeder, 0..2^63-1.
  announce_event event = announce_event::none;
  std::optional<uint32_t> numwant; ///< 0..limits::numwant_max; nothing means "the default".
  bool compact = true;             ///< False only for `compact=0`; advisory. @source BEP 23
  bool no_peer_id = false;         ///< Wants lists without "peer id".
  std::string key;                 ///< Recognises a peer whose address changed; never handed out.
                                   ///< 0..limits::announce_key_bytes_max opaque bytes.
  std::string tracker_id;          ///< What we gave as "tracker id", same bound; dropped if longer.

  bool is_seeder() const { return left_bytes == 0; }

  bool operator==(const announce_query&) const = default;
};

/// Parses the raw query string of an announce (without '?').
///
/// Tolerant where clients are known to differ: unknown parameters and events are ignored, a
/// missing or negative `left` is a leecher (but `completed` without `left` a seeder), a negative
/// `numwant` is the default and a large one is clamped, numbers beyond 2^63-1 are clamped, of
/// repeated parameters the first counts. Exactly one `info_hash` is accepted.
///
/// @returns the announce, or an error whose `detail` follows "Invalid announce: " in the reply.
/// @errors ec::missing_argument, ec::invalid_argument.
/// @source BEP 3, 7, 21, 23, 52.
result<announce_query> parse_announce(std::string_view raw_query);

} // namespace shoal
