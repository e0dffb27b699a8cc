// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/object_files.hpp"
#include "persistence/object_index.hpp"

namespace shoal {

/// What a comparison of folders and index has found.
struct census_report {
  struct cached_object {
    sha256_digest object;
    object_record record;
  };

  std::vector<cached_object> cached;   ///< What the cache has, in no order.
  std::vector<sha256_digest> suspects; ///< To be hashed soon: those in place must be before use.
  std::vector<sha256_digest> lost;     ///< Pinned, and not here.
  object_files::totals in_place;
  uint64_t added = 0;   ///< Files that the index did not know.
  uint64_t dropped = 0; ///< Records without a file, of objects that nobody pins.
  uint64_t mended = 0;  ///< Records or files that said otherwise than the other.
};

/// Makes index and folders agree, a two hundred and fifty-sixth of them at a time. The folders are
/// right about what is there. About what is kept the index is right where it knows the object, for
/// it is written first; else the folder. Nothing that is there is removed, but a cached file beside
/// the same one kept. @errors ec::storage_full, ec::storage_failed.
result<census_report> take_census(object_index& index, object_files& kept, object_files& cached,
                                  unix_seconds now);

/// @returns how a regular file is now, trusted, and its size; nothing if it is none.
std::optional<std::pair<in_place_record, uint64_t>> stamp_of(int fd,
                                                             const std::filesystem::path& path);

/// Whether the file behind a link in `kept` is as the record says.
bool is_unchanged(const in_place_record& at, uint64_t size_bytes, int fd);

} // namespace shoal
