// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "persistence/posix_file.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace shoal::get {

/// What a file that is in its place was when it was verified there.
struct placed_file {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0; ///< Since 1970.
  std::string sha256;   ///< Hexadecimal; "-" if nobody has named one.

  bool operator==(const placed_file&) const = default;
};

/// The hidden folder beside the files in which a download keeps what it needs to go on after
/// whatever end: `.shoal/KEY` in the folder that the user has named. Nobody else may be at work in
/// it. Its name is one that publishing leaves out (see `scan_folder`).
///
///     what        "ns/name@rev", unless it is a torrent of the user's
///     resume      what libtorrent had when it was asked last
///     clean       there if nothing came after that
///     http        a line for each chunk that came over plain HTTP
///     placed      a line for each file that was verified and put in its place
///     parts/N     the N-th file, incomplete or not yet verified
class state_folder {
public:
  /// Makes it, or goes on with it. @param key a path segment.
  /// @errors ec::busy if another process is at work in it; ec::storage_failed.
  static result<state_folder> open(const std::filesystem::path& root, const std::string& key);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path part(size_t index) const;

  /// @returns the bytes of one of the files above, empty if it is not there or larger than `max`.
  std::string load(std::string_view name, size_t max) const;

  /// Replaces such a file; the old or the new one survives any end.
  result<void> save(std::string_view name, std::string_view bytes) const;

  /// Adds to such a file; a crash may leave the last line incomplete.
  result<void> append(std::string_view name, std::string_view line) const;

  void remove(std::string_view name) const;

  /// Removes what is left of incomplete files.
  void remove_parts() const;

  /// What is known of files in their places, by path.
  const std::map<std::string, placed_file>& placed() const { return placed_; }

  result<void> note_placed(const std::string& path, const placed_file& file);

private:
  state_folder(std::filesystem::path path, unique_fd lock);

  void load_placed();

  std::filesystem::path path_;
  unique_fd lock_;
  std::map<std::string, placed_file> placed_;
};

/// The name of a revision's state folder. @param what e.g. "ns/name@rev" or an info-hash.
std::string state_key(std::string_view what);

/// @returns what the file is now, with that hash; nothing if it is no regular file.
std::optional<placed_file> look_at(const std::filesystem::path& file, std::string sha256);

} // namespace shoal::get
