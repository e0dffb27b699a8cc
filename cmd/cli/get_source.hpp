// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"
#include "cmd/cli/target.hpp"
#include "cmd/get/hub_cache.hpp"
#include "cmd/get/torrent_session.hpp"
#include "core/ids.hpp"
#include "protocol/digest.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace shoal::cli {

/// A file that could be fetched.
struct offered_file {
  std::string path; ///< See `is_safe_path`.
  uint64_t size_bytes = 0;
  std::optional<sha256_digest> sha256; ///< Absent if only a torrent, or git, names the bytes.
  std::optional<sha1_digest> git_blob; ///< What git calls them, where it alone does.
  int torrent_index = -1;              ///< In `get_source::torrent`; -1: not there.
};

/// What is to be fetched, and where it may come from.
struct get_source {
  std::string title;          ///< "ns/name@rev", or the torrent's name.
  std::string folder;         ///< What its folder is called unless the user says so.
  std::optional<target> what; ///< Absent for a torrent or magnet of the user's.
  bool asked_latest = false;  ///< The user has not said which revision.
  std::string ref;            ///< What the user called it, if that is not `what->rev`.
  std::string kind = "model";
  bool is_private = false;
  std::vector<std::string> servers; ///< Named by the server, not by the user: no key for them.
  std::vector<offered_file> files;
  std::optional<get::known_torrent> torrent;
  get::swarm_links links; ///< Beyond those in the torrent.
};

/// Asks the servers, any of which will do, for a revision and its torrent. A model that only their
/// origin has comes without one: they bring its files while they send them.
/// @errors exit_code::refused, exit_code::unreachable, exit_code::usage.
outcome<get_source> find_revision(const context& ctx, http_client& client,
                                  const target_options& about);

/// Reads a .torrent file. @errors exit_code::local_trouble, exit_code::usage.
outcome<get_source> read_torrent_file(const std::string& path);

/// What a torrent without a server has.
get_source source_of(get::known_torrent torrent);

/// Asks for what the origin of the servers has of a model, by Hugging Face's dialect. Its files go
/// by the commit that the revision is now.
/// @param why what is said if the origin knows nothing of it, either.
outcome<get_source> find_at_origin(http_client& client, const target_options& about,
                                   const failure& why);

/// A file of a tree of Hugging Face's dialect.
struct hub_file {
  std::string path;
  uint64_t size_bytes = 0;
  std::string oid; ///< Of the blob, 40 hexadecimal digits.
  std::string lfs; ///< The SHA-256 of what is in LFS; else empty.
};

/// Lists the files of a commit. @param base "/api/models/ns/name".
outcome<std::vector<hub_file>> fetch_hub_tree(http_client& client, const std::string& base,
                                              const std::string& commit);

/// Asks for the names that Hugging Face's clients know a revision by.
outcome<get::hub_names> fetch_hub_names(http_client& client, const get_source& source);

} // namespace shoal::cli
