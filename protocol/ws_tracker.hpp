// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "protocol/announce.hpp"

#include <tl/expected.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The messages of the WebSocket tracker that WebTorrent speaks: docs/webtorrent-tracker.md.
namespace shoal {

/// Chosen at random by whoever makes an offer.
using offer_id = byte_id<struct offer_id_tag, 20>;

enum class ws_action : uint8_t { announce, scrape, agent };

struct ws_offer {
  offer_id id;
  std::string sdp; ///< UTF-8, opaque to a tracker.

  bool operator==(const ws_offer&) const = default;
};

struct ws_announce {
  info_hash swarm;
  peer_id peer;
  uint64_t uploaded_bytes = 0;                        ///< Since `started`, 0..2^63-1.
  uint64_t downloaded_bytes = 0;                      ///< Since `started`, 0..2^63-1.
  uint64_t left_bytes = announce_query::left_unknown; ///< 0 marks a seeder.
  announce_event event = announce_event::none;
  std::vector<ws_offer> offers; ///< At most limits::ws_offers_max, and no more than `numwant`.

  bool operator==(const ws_announce&) const = default;
};

struct ws_answer {
  info_hash swarm;
  peer_id peer; ///< Who answers.
  peer_id to;   ///< Who made the offer.
  offer_id offer;
  std::string sdp;

  bool operator==(const ws_answer&) const = default;
};

struct ws_scrape {
  std::vector<info_hash> swarms; ///< 1..limits::scrape_hashes_max, each once.

  bool operator==(const ws_scrape&) const = default;
};

/// A swarm of which an agent has something.
struct ws_agent_swarm {
  info_hash swarm;
  uint64_t have_bytes = 0;
  uint64_t size_bytes = 0;

  bool operator==(const ws_agent_swarm&) const = default;
};

/// What an agent (`shoal seed`) says of itself, from time to time.
struct ws_agent {
  std::string name; ///< As people know it; limits::agent_text_bytes_max, as the next.
  std::string zone; ///< One of the operator's; may be empty.
  uint64_t capacity_bytes_per_second = 0; ///< What it can give.
  uint64_t sent_bytes = 0;                ///< Since it began.
  uint64_t sent_bytes_per_second = 0;     ///< Now.
  uint16_t port = 0;                      ///< Where peers reach it.
  std::vector<ws_agent_swarm> swarms;     ///< At most limits::agent_swarms_max.

  bool operator==(const ws_agent&) const = default;
};

using ws_message = std::variant<ws_announce, ws_answer, ws_scrape, ws_agent>;

/// What is wrong with a message, and what of it the answer can name.
struct ws_fault {
  ws_action action = ws_action::announce;
  std::optional<info_hash> swarm;
  std::string reason; ///< For the client.
};

/// Reads messages of clients; keeps its memory from one to the next. One per thread.
class ws_decoder {
public:
  ws_decoder();
  ~ws_decoder();
  ws_decoder(ws_decoder&&) noexcept;
  ws_decoder& operator=(ws_decoder&&) noexcept;

  /// Tolerant where clients are known to differ: unknown fields and events are ignored, `left` may
  /// be null or absent (a leecher, but with `completed` a seeder), numbers may be written as
  /// floating point ones, of repeated fields the first counts. Longer texts than
  /// limits::ws_message_bytes_max are refused.
  tl::expected<ws_message, ws_fault> decode(std::string_view json);

private:
  struct state;
  std::unique_ptr<state> state_;
};

// -- what the tracker says ------------------------------------------------------------

struct ws_reply {
  info_hash swarm;
  uint32_t interval_s = 0;
  uint32_t complete = 0;
  uint32_t incomplete = 0;
};

void append_ws_reply(std::string& out, const ws_reply& reply);

/// Who wants to connect, and how.
/// @param from the peer that made the offer.
void append_ws_offer(std::string& out, const info_hash& swarm, const peer_id& from,
                     const ws_offer& offer);

/// @param from the peer that answers.
/// @param answer the offer's id, and the answer's SDP.
void append_ws_answer(std::string& out, const info_hash& swarm, const peer_id& from,
                      const ws_offer& answer);

struct ws_scrape_entry {
  info_hash swarm;
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint64_t downloaded = 0;
};

/// @param min_interval_s how long to wait before the next scrape.
void append_ws_scrape(std::string& out, std::span<const ws_scrape_entry> entries,
                      uint32_t min_interval_s);

/// The answer to an agent: when to say it again.
void append_ws_agent_reply(std::string& out, uint32_t interval_s);

/// The other direction, for agents.
void append_ws_agent(std::string& out, const ws_agent& agent);

void append_ws_failure(std::string& out, const ws_fault& fault);

} // namespace shoal
