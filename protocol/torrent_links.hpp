// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// What a .torrent file says outside of its info dictionary; may change without a new info-hash.
struct torrent_links {
  /// Tiers of announce URLs, best first. @source BEP 12.
  std::vector<std::vector<std::string>> trackers;

  /// URLs of folders that hold a folder with the torrent's name; each ends in '/'. @source BEP 19.
  std::vector<std::string> web_seeds;

  std::optional<std::string> comment;
};

/// The outermost dictionary of a .torrent file: key -> bencoded value.
using torrent_root = std::map<std::string, std::string, std::less<>>;

/// Replaces "announce", "announce-list", "url-list" and, if given, "comment".
/// @param inner_folder appended to each web seed with a '/', unless empty: see `compose_torrent`.
void put_links(torrent_root& root, const torrent_links& links, std::string_view inner_folder);

/// @returns the .torrent file.
std::string write_root(const torrent_root& root);

} // namespace shoal
