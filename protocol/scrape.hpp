// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "protocol/swarm_hash.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// Parses the raw query string of a scrape (without '?'). A scrape of everything is not offered.
/// @returns 1..limits::scrape_hashes_max different hashes in ascending order of their bytes, so
/// that the reply can be written in the same order.
/// @errors ec::missing_argument without any `info_hash`, ec::invalid_argument, ec::too_large; the
/// `detail` follows "Invalid scrape: " in the reply.
/// @source BEP 48.
result<std::vector<swarm_hash>> parse_scrape(std::string_view raw_query);

/// The counts of one swarm; all zero for an unknown one, which must not be left out of a reply.
struct scrape_entry {
  swarm_hash hash;          ///< As the client sent it.
  uint32_t complete = 0;    ///< Seeders.
  uint32_t downloaded = 0;  ///< Completions of all times.
  uint32_t downloaders = 0; ///< Leechers that still download: no partial seeds. @source BEP 21
  uint32_t incomplete = 0;  ///< Leechers, partial seeds included.
};

/// Appends the reply; sorts `entries` by hash (already sorted if they follow `parse_scrape`) and
/// writes the first of equal hashes only.
/// @param min_request_interval sent as flags.min_request_interval unless absent. @source BEP 48
void append_scrape_reply(std::string& out, std::span<scrape_entry> entries,
                         std::optional<std::chrono::seconds> min_request_interval = std::nullopt);

} // namespace shoal
