// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"
#include "protocol/model_id.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace shoal::cli {

/// What a command is about, as the user wrote it: NS/NAME@REV, NS/NAME (its latest revision), an
/// info-hash of 40 or 64 hexadecimal digits, or --model and --rev as hf-bt's helper has them.
struct target_options {
  std::string positional;
  std::string model;
  std::string rev;
  bool allows_latest = true; ///< False for what destroys: the revision must be said.

  /// @param hashes whether info-hashes are allowed.
  void add_to(CLI::App& command, bool hashes);
};

struct target {
  std::string hash; ///< Lower-case hexadecimal; empty for a revision.
  model_id id;
  std::string rev;

  bool is_hash() const { return !hash.empty(); }

  /// "ns/name@rev", or the hash.
  std::string str() const { return is_hash() ? hash : ref_key(id, rev); }

  /// "/api/v1/models/{id}/revs/{rev}"
  std::string api_path() const;

  /// "/torrents/{id}/{rev}.torrent" or "/api/registry/torrent?info_hash=".
  /// @param format "hybrid", "v1", "v2", or empty for the server's choice.
  std::string torrent_path(const std::string& format) const;
};

/// What the user wrote; `rev` is empty if that says none. @errors exit_code::usage
outcome<target> read_target(const target_options& options);

/// Asks the server for the latest revision if none is given.
outcome<target> resolve(const target_options& options, http_client& client);

} // namespace shoal::cli
