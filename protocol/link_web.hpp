// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "core/net.hpp"
#include "protocol/ws_tracker.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What nodes tell each other about peers that are connected by WebSocket, one message per link
/// frame: the node that has the socket tells the swarm's owner of its client, the owner relays
/// offers to the node that has the other client's socket, and that node sends answers straight to
/// the node of whoever made the offer. A *line* is a socket: the number of its peer actor, unique
/// on its node. Session descriptions are texts of clients: bounded and otherwise opaque.
///
///     u8 kind | fields in the order of the structs
namespace shoal {

/// A frame is no longer than what a client may say at once, and some names.
inline constexpr size_t link_web_bytes_max = limits::ws_message_bytes_max + 4096;
inline constexpr size_t link_node_bytes_max = 64; ///< A node's id.

/// To the owner: a client announces itself and offers connections.
struct link_web_announce {
  uint64_t line = 0;
  info_hash swarm;
  peer_id id;
  uint64_t identity = 0;
  ip_address client; ///< For limits; never handed out.
  uint64_t uploaded_bytes = 0;
  uint64_t downloaded_bytes = 0;
  uint64_t left_bytes = 0;
  announce_event event = announce_event::none;
  std::string user;             ///< 0..limits::user_id_bytes_max.
  uint64_t arrived_us = 0;      ///< The asking node's clock; comes back in the reply.
  std::vector<ws_offer> offers; ///< At most limits::ws_offers_max.

  bool operator==(const link_web_announce&) const = default;
};

/// To the owner: a client is gone without a word.
struct link_web_left {
  uint64_t line = 0;
  info_hash swarm; ///< All zeros: all swarms of the line.
  uint64_t identity = 0;

  bool operator==(const link_web_left&) const = default;
};

/// From the owner: the answer to a link_web_announce.
struct link_web_reply {
  uint64_t line = 0;
  info_hash swarm;
  uint32_t interval_s = 0;
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint64_t arrived_us = 0;

  bool operator==(const link_web_reply&) const = default;
};

/// From the owner: somebody wants to connect to a client of the receiving node.
struct link_web_offered {
  uint64_t line = 0; ///< Of the receiver.
  info_hash swarm;
  peer_id to;
  peer_id from;
  std::string node;          ///< Where whoever offers is connected, 1..link_node_bytes_max.
  uint64_t offerer_line = 0; ///< On that node.
  ws_offer offer;

  bool operator==(const link_web_offered&) const = default;
};

/// To the node of whoever made the offer: a client takes it up.
struct link_web_answered {
  uint64_t line = 0; ///< Of whoever made the offer.
  info_hash swarm;
  peer_id to;
  peer_id from;
  ws_offer answer; ///< The offer's id, the answer's SDP.

  bool operator==(const link_web_answered&) const = default;
};

/// From the owner: the swarm's content was taken down.
struct link_web_evicted {
  uint64_t line = 0;
  info_hash swarm;

  bool operator==(const link_web_evicted&) const = default;
};

using link_web = std::variant<link_web_announce, link_web_left, link_web_reply, link_web_offered,
                              link_web_answered, link_web_evicted>;

/// @returns nothing if it would be longer than link_web_bytes_max, which no message is whose texts
/// came in one message of a client.
std::optional<std::string> encode(const link_web& x);

/// @returns nothing for what `encode` cannot have written.
std::optional<link_web> decode_link_web(std::string_view body);

} // namespace shoal
