// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/net.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// What an announce is answered with; views bytes of the caller.
struct announce_reply_view {
  uint32_t complete = 0;                 ///< Seeders.
  uint32_t incomplete = 0;               ///< Leechers, partial seeds included.
  std::optional<uint32_t> downloaded;    ///< Completions of all times.
  std::optional<ip_address> external_ip; ///< The caller's address. @source BEP 24
  std::chrono::seconds interval{0};      ///< Until the next announce.
  std::optional<std::chrono::seconds> min_interval;
  std::string_view peers;      ///< 6 bytes each, address and port in network order. @source BEP 23
  std::string_view peers6;     ///< 18 bytes each. @source BEP 7
  std::string_view peer_ids;   ///< 20 bytes for each of `peers`, then of `peers6`; or empty. Only
                               ///< `append_announce_reply_list` looks at them.
  std::string_view tracker_id; ///< Left out if empty.
  std::string_view warning_message; ///< Left out if empty; shown to people by clients.
};

/// Appends the reply with compact peers: "peers" always, "peers6" unless empty. Keys are sorted.
void append_announce_reply(std::string& out, const announce_reply_view& reply);

/// Appends the reply with one dictionary per peer of either family, for `compact=0`. "peer id" is
/// left out with `no_peer_id`, or if the swarm keeps none. @source BEP 3
void append_announce_reply_list(std::string& out, const announce_reply_view& reply,
                                bool no_peer_id);

/// Tells clients not to come back at all.
inline constexpr std::chrono::minutes retry_never = std::chrono::minutes::max();

/// Appends the answer to a refused announce or scrape; sent with HTTP status 200, as clients do
/// not read the body of another.
/// @param retry_in at least one minute, or `retry_never`. @source BEP 31
void append_failure(std::string& out, std::string_view reason,
                    std::optional<std::chrono::minutes> retry_in = std::nullopt);

} // namespace shoal
