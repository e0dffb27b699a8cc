// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
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

} // namespace shoal
