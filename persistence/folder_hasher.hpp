// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/folder_scan.hpp"
#include "protocol/known_hashes.hpp"
#include "protocol/torrent_builder.hpp"

#include <atomic>
#include <functional>

namespace shoal {

/// The end of a file, from where a v1 stream needs it: less than a piece.
struct file_end {
  sha256_digest file;
  uint64_t size_bytes = 0; ///< Of the whole file.
  uint64_t offset = 0;

  auto operator<=>(const file_end&) const = default;
};

/// What is known of files before they are read, because they are objects.
struct hash_reuse {
  std::vector<sha256_digest> names;    ///< Of the files of the listing, in its order.
  stream_plan plan;                    ///< For these files.
  const known_hashes* known = nullptr; ///< Of pieces as long as those that are made. May be null.

  /// What `needs_of` asks for, if the file is not here.
  std::optional<file_end> end = {};
  std::string end_bytes = {};
};

/// What must be read of files.
struct hash_needs {
  std::vector<size_t> files;   ///< Their indexes.
  std::optional<file_end> end; ///< Of one of them only that, and `hash_reuse::end` will do for it.
};

hash_needs needs_of(std::span<const manifest_file> files, const hash_reuse& reuse);

struct hash_options {
  uint32_t piece_length_bytes = 0; ///< 0 lets `choose_piece_length` decide.
  unsigned workers = 0;            ///< Threads that hash; 0 means one per core.

  /// Called on the calling thread after each read: bytes read so far, bytes in all.
  std::function<void(uint64_t, uint64_t)> on_progress;

  /// Hashing stops soon after somebody sets it. May be null.
  const std::atomic<bool>* cancelled = nullptr;

  /// Files that are not to be read need no `source`. Null: all are read, in their order.
  const hash_reuse* reuse = nullptr;
};

/// Reads each file once, unless `hash_options::reuse` spares it, and computes everything that
/// torrents and manifests need of it. Memory is bounded by limits::hash_buffers_bytes_max plus the
/// hashes themselves, whatever the folder.
/// @errors ec::conflict if a file changes meanwhile, ec::storage_failed if one cannot be read,
/// ec::shutting_down if cancelled, ec::invalid_argument for a bad piece length.
result<torrent_content> hash_folder(const folder_listing& listing, const hash_options& options);

} // namespace shoal
