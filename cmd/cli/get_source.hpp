// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"
#include "cmd/cli/target.hpp"
#include "cmd/get/hub_cache.hpp"
#include "cmd/get/torrent_session.hpp"
#include "core/ids.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace shoal::cli {

/// A file that could be fetched.
struct offered_file {
  std::string path; ///< See `is_safe_path`.
  uint64_t size_bytes = 0;
  std::optional<sha256_digest> sha256; ///< Absent if only a torrent names the bytes.
  int torrent_index = -1;              ///< In `get_source::torrent`; -1: not there.
};

/// What is to be fetched, and where it may come from.
struct get_source {
  std::string title;          ///< "ns/name@rev", or the torrent's name.
  std::string folder;         ///< What its folder is called unless the user says so.
  std::optional<target> what; ///< Absent for a torrent or magnet of the user's.
  bool asked_latest = false;  ///< The user has not said which revision.
  std::string kind = "model";
  bool is_private = false;
  std::vector<std::string> servers; ///< Named by the server, not by the user: no key for them.
  std::vector<offered_file> files;
  std::optional<get::known_torrent> torrent;
  get::swarm_links links; ///< Beyond those in the torrent.
};

/// Asks the servers, any of which will do, for a revision and its torrent.
/// @errors exit_code::refused, exit_code::unreachable, exit_code::usage.
outcome<get_source> find_revision(const context& ctx, http_client& client,
                                  const target_options& about);

/// Reads a .torrent file. @errors exit_code::local_trouble, exit_code::usage.
outcome<get_source> read_torrent_file(const std::string& path);

/// What a torrent without a server has.
get_source source_of(get::known_torrent torrent);

/// Asks for the names that Hugging Face's clients know a revision by.
outcome<get::hub_names> fetch_hub_names(http_client& client, const get_source& source);

} // namespace shoal::cli
