// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/folder_scan.hpp"
#include "protocol/torrent_builder.hpp"

#include <atomic>
#include <functional>

namespace shoal {

struct hash_reuse;

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
/// @errors ec::corrupt if what is known of a file is not what was read again of it, ec::conflict if
/// a file changes meanwhile, ec::storage_failed if one cannot be read,
/// ec::shutting_down if cancelled, ec::invalid_argument for a bad piece length.
result<torrent_content> hash_folder(const folder_listing& listing, const hash_options& options);

} // namespace shoal
