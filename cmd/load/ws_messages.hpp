// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/plan.hpp"

#include <string>
#include <string_view>

namespace shoal::load {

/// One WebTorrent peer: it lives on one connection and in one swarm.
/// @source bittorrent-tracker, lib/server/parse-websocket.js
class ws_peer {
public:
  ws_peer(const population& all, uint64_t swarm, uint64_t number);

  /// @param serial numbers the offers, so that each has an id of its own.
  void append_announce(std::string& out, announce_event event, unsigned offers,
                       uint64_t serial) const;

  void append_scrape(std::string& out) const;

  /// The answer to an offer that the tracker has relayed. @returns false if that names nobody.
  bool append_answer(std::string& out, std::string_view offer) const;

private:
  std::string ids_; ///< "info_hash" and "peer_id" as JSON.
  std::string hash_;
  bool seed_;
};

/// What a tracker has to say.
enum class ws_message : uint8_t { announced, scraped, offer, answer, failure, unknown };

/// Tells by the names of fields; nothing is parsed.
ws_message kind_of(std::string_view json);

/// Appends bytes as a JSON string, one character per byte (latin-1), without quotes.
void append_latin1_json(std::string& out, std::string_view bytes);

} // namespace shoal::load
