// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/folder_hasher.hpp"
#include "persistence/hash_reuse.hpp"
#include "persistence/object_store.hpp"
#include "protocol/manifest.hpp"

namespace shoal {

/// How the torrents of a revision are going to be made.
struct torrent_plan {
  uint32_t piece_length_bytes = 0;
  hash_reuse reuse;
  std::vector<sha256_digest> to_read; ///< Objects that must be here.
  std::optional<file_end> end;        ///< Of one of them this is enough: see `use_end`.

  /// @param bytes of `end`, from its offset to the end of the file. The object may be elsewhere.
  void use_end(std::string bytes);
};

/// @param m with all files. @param known of the revision before it; outlives the plan. May be null.
torrent_plan plan_torrents(const manifest& m, const known_hashes* known);

/// As `shoal publish` makes them: whoever publishes the same files makes the same torrents.
torrent_plan plan_torrents_by_name(const manifest& m);

/// Makes the torrents of a revision, a hybrid one and its v1 sibling, stores them as objects and
/// names them in the manifest. Reads every byte of the files but for those that are known.
/// @param m with all files and no torrents. @param objects has those that are to be read, and keeps
/// them meanwhile. @param cancelled may be null. @param workers as hash_options have it.
/// @errors those of `hash_folder` and of storing; ec::unavailable (a file is not kept here),
/// ec::corrupt (one is not what its name says), ec::invalid_argument.
result<void> add_torrents(object_store& objects, manifest& m, const torrent_plan& plan,
                          const std::atomic<bool>* cancelled, unsigned workers = 0);

} // namespace shoal
