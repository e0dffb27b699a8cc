// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/get_signature.hpp"
#include "cmd/cli/get_source.hpp"
#include "cmd/cli/get_view.hpp"
#include "cmd/get/hub_cache.hpp"
#include "cmd/get/state_folder.hpp"
#include "protocol/selection.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoal::cli {

struct get_options {
  target_options what;
  selection files;
  std::string to;
  bool to_hub_cache = false;
  std::string hub_cache_folder; ///< Empty: where Hugging Face's clients look.
  bool seeds = false;
  bool no_peers = false;
  signature_options signature;
  get::session_options session;
  uint32_t stall_timeout_s = 300;
};

/// A file that is to be fetched.
struct wanted_file {
  size_t number = 0; ///< Among the source's files.
  offered_file what;
  std::filesystem::path place; ///< Where it is to be.
  std::filesystem::path part;  ///< Where it grows.
  std::string etag;            ///< In Hugging Face's cache; else empty.
  bool placed = false;
  bool was_bad = false; ///< It had another hash than the manifest says, once.
};

/// What a download is, whichever way the bytes come: which files go where, which of them are
/// there, and the hidden folder that survives the process.
class get_job {
public:
  /// Chooses the files and makes the hidden folder. @param names set for Hugging Face's cache.
  static outcome<get_job> open(const context& ctx, const get_options& options, get_source source,
                               std::optional<get::hub_names> names);

  const get_source& source() const { return source_; }
  std::vector<wanted_file>& files() { return files_; }
  const get::state_folder& state() const { return state_; }
  const std::filesystem::path& root() const { return root_; }

  /// Finds what is in its place already, by hashing where nothing better is known.
  /// @errors exit_code::local_trouble, exit_code::interrupted.
  outcome<void> find_existing(download_view& view);

  /// Makes the empty ones of the files, which nobody needs to send.
  /// @errors exit_code::refused, exit_code::local_trouble
  outcome<void> make_empty_files(download_view& view);

  /// Whether there is room for what is missing. @errors exit_code::local_trouble
  outcome<void> check_room() const;

  /// Notes that a verified file is in its place, and links to it.
  /// @errors exit_code::local_trouble
  outcome<void> note_placed(wanted_file& file, download_view& view, bool known = false);

  /// Compares the part with the manifest. @returns whether it is what it should be; a torrent's
  /// file of which nobody says more is. @errors exit_code::local_trouble, exit_code::interrupted
  static outcome<bool> is_right(const wanted_file& file);

  /// @returns where a file of the source lies now: in its place or among the parts.
  std::filesystem::path whereabouts(const offered_file& file, size_t number) const;

  bool is_complete() const;
  uint64_t total_bytes() const;
  uint64_t placed_bytes() const;
  size_t placed_count() const;

  /// Writes what is left to write when all files are there.
  outcome<void> finish();

  /// Where the user finds the files.
  std::filesystem::path result_folder() const;

private:
  get_job(get_source source, std::filesystem::path root, get::state_folder state);

  std::filesystem::path place_of(const offered_file& file) const;

  get_source source_;
  std::filesystem::path root_;
  get::state_folder state_;
  std::optional<get::hub_cache> cache_;
  std::optional<get::hub_names> names_;
  std::vector<wanted_file> files_;
};

/// Finishes a job all of whose files are there, and says so.
outcome<void> conclude(const context& ctx, get_job& job, download_view& view);

/// Fetches what is missing over BitTorrent, web seeds among the sources. With `options.seeds` it
/// concludes the job and goes on until the process is interrupted.
/// @returns whether all files are there; false: nothing comes, but a server has the files.
outcome<bool> fetch_from_swarm(const context& ctx, const get_options& options, get_job& job,
                               download_view& view);

/// Takes part in the swarm with files that are there, until the process is interrupted.
outcome<void> keep_seeding(const context& ctx, const get_options& options, get_job& job,
                           download_view& view);

/// Fetches what is missing over HTTP from the servers, in parallel ranges.
outcome<void> fetch_over_http(const context& ctx, const get_options& options, get_job& job,
                              download_view& view);

/// Whether a server would give the first byte of a file that is missing.
bool can_fetch_over_http(const context& ctx, get_job& job);

inline tl::unexpected<failure> interruption() {
  return refuse(exit_code::interrupted, "interrupted; the same command goes on");
}

} // namespace shoal::cli
