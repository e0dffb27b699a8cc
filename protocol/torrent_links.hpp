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

  /// URLs of folders that hold a folder (or file) of the torrent's name; each ends in '/'. How they
  /// are written depends on the torrent: see `web_seed_urls`. A URL without the '/' is left as it
  /// is.
  std::vector<std::string> web_seeds;

  std::optional<std::string> comment;
};

/// The outermost dictionary of a .torrent file: key -> bencoded value.
using torrent_root = std::map<std::string, std::string, std::less<>>;

/// What a torrent with only one file looks like to clients, which then build other URLs.
struct torrent_shape {
  std::string_view name;
  std::string only_file; ///< Its path below `name`; empty if there are several.
  bool has_v1 = true;
  bool is_bare = false; ///< The file is `name` itself: no folder.
};

/// @returns what "url-list" and the "ws" of a magnet link must say so that every client finds the
/// files below `folders`, without doubles.
///
/// With several files the URL of the folder is all that clients need. With one file, libtorrent and
/// WebTorrent want the URL of the file, aria2 that of the folder, Transmission takes either, and
/// libtorrent forgets the folder of a v2-only torrent. Measured with libtorrent 2.0.8, Transmission
/// 3.00, aria2 1.36 and WebTorrent 3.0: tests/system/test_web_seed_forms.py. @source BEP 19.
std::vector<std::string> web_seed_urls(const std::vector<std::string>& folders,
                                       const torrent_shape& shape);

/// Replaces "announce", "announce-list", "url-list" and, if given, "comment".
void put_links(torrent_root& root, const torrent_links& links, const torrent_shape& shape);

/// @returns the .torrent file.
std::string write_root(const torrent_root& root);

} // namespace shoal
