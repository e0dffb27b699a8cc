// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "protocol/torrent_links.hpp"

#include <string>
#include <vector>

namespace shoal {

struct torrent_file {
  std::string path; ///< Below the torrent's name, '/' between segments, UTF-8, no "..".
  uint64_t size_bytes = 0;
  bool pad = false;                         ///< BEP 47 filler; not for people.
  std::optional<sha256_digest> pieces_root; ///< Absent in v1 torrents and for empty files.

  bool operator==(const torrent_file&) const = default;
};

/// What a .torrent file says, decoded and checked.
struct metainfo {
  std::string name;
  uint32_t piece_length_bytes = 0;
  uint64_t piece_count = 0;
  uint64_t total_size_bytes = 0;   ///< Without pad files.
  std::vector<torrent_file> files; ///< In the torrent's order; one whose path is `name` if single.
  bool is_private = false;         ///< @source BEP 27.
  std::optional<info_hash> v1;     ///< SHA-1 of the info dictionary, if it has a v1 part.
  std::optional<sha256_digest> v2; ///< SHA-256 of the info dictionary, if it has a v2 part.
  std::vector<std::string> trackers; ///< All tiers in a row, no duplicates.
  std::vector<std::string> web_seeds;
  std::string comment;
  std::string created_by;
};

/// Decodes a v1, v2 or hybrid .torrent file. A hybrid whose halves disagree is refused.
/// @param bytes at most limits::metainfo_bytes_max.
/// @errors ec::invalid_argument, ec::too_large (client).
/// @source BEP 3, BEP 12, BEP 19, BEP 47, BEP 52.
result<metainfo> parse_metainfo(std::string_view bytes);

/// Copies a .torrent file with other trackers and web seeds. The info dictionary and "piece layers"
/// are kept byte for byte, so the info-hashes stay; "announce", "announce-list", "url-list" and (if
/// given) "comment" are replaced; what links cannot express ("nodes", "httpseeds") is dropped.
/// @errors ec::invalid_argument, ec::too_large (client).
result<std::string> compose_torrent(std::string_view original, const torrent_links& links);

} // namespace shoal
