// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"
#include "persistence/folder_hasher.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace shoal::cli {

/// The options of every command that makes torrents of local files.
struct content_options {
  std::string path;
  uint32_t piece_length_bytes = 0; ///< 0: chosen by the size.
  bool is_private = false;
  bool follows_links = false;
  bool hybrid = false;
  bool v1 = false;
  bool v2 = false;
  std::vector<std::string> trackers;
  std::vector<std::string> web_seeds;

  void add_to(CLI::App& command);

  /// @returns the formats asked for, or nothing if none was.
  std::vector<torrent_format> formats() const;

  /// Each tracker is a tier of its own: clients try them in this order.
  torrent_links links() const;
};

struct hashed_folder {
  folder_listing listing; ///< In the order of `content.files`.
  torrent_content content;
};

/// Lists and hashes the files, with a progress bar.
outcome<hashed_folder> hash_content(const context& ctx, const content_options& options);

/// Makes a .torrent file that names this program as its maker. It holds no date, so that the same
/// files always make the same torrent.
outcome<std::string> make_torrent(const torrent_content& content, torrent_format format,
                                  const content_options& options, const std::string& name,
                                  const std::string& comment);

} // namespace shoal::cli
