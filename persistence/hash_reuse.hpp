// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/known_hashes.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shoal {

/// The end of a file, from the piece in which a v1 stream needs it: less than two pieces.
struct file_end {
  sha256_digest file;
  uint64_t size_bytes = 0; ///< Of the whole file.
  uint64_t offset = 0;     ///< Where a piece of the file begins.

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

// -- for `hash_folder` ----------------------------------------------------------------------

/// How much of a file is known, and where it stands in the v1 stream.
struct file_reuse {
  const hashed_file* known = nullptr; ///< Null: all its hashes are to be made.
  uint64_t stream_from = 0;           ///< The first byte that the stream needs.

  /// Where to begin to read: what is read is compared with what is known, and that is of pieces.
  uint64_t read_from(uint32_t piece_bytes) const {
    return known == nullptr ? 0 : stream_from - stream_from % piece_bytes;
  }

  bool spares(uint64_t size_bytes) const {
    return size_bytes == 0 || (known != nullptr && stream_from == size_bytes);
  }
};

/// What is known of each file. @param sizes of all files, in the order of `hash_reuse::names`.
std::vector<file_reuse> reuse_of(std::span<const uint64_t> sizes, const hash_reuse& reuse);

/// A known file of which some pieces are hashed again.
struct reread_file {
  const hashed_file& known;
  size_t first_piece;
  hashed_file again; ///< Of the pieces from the first on.

  bool is_as_known() const;
};

} // namespace shoal
