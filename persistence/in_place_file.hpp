// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/posix_file.hpp"
#include "persistence/records.hpp"
#include "protocol/digest.hpp"

#include <optional>
#include <vector>

namespace shoal {

/// Somebody else's file on its way to being served from where it is. It is hashed bit by bit, so
/// that whoever waits can be told how far that is. One thread at a time.
class in_place_file {
public:
  /// @param within folders one of which must have it, wherever links lead; empty: any may.
  /// @errors ec::invalid_argument: no regular file, not readable, or in none of the folders.
  static result<in_place_file> open(const std::filesystem::path& file,
                                    const std::vector<std::filesystem::path>& within = {});

  const std::filesystem::path& path() const { return path_; } ///< Without links.
  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t hashed_bytes() const { return hashed_bytes_; }
  const in_place_record& before() const { return before_; } ///< How it was when it was opened.

  /// Hashes up to so many bytes more. @returns whether that was all.
  result<bool> hash_some(uint64_t budget_bytes);

  /// @returns the hash, once all is hashed. @errors ec::conflict: it has changed meanwhile.
  result<sha256_digest> finish();

private:
  in_place_file() = default;

  std::filesystem::path path_;
  unique_fd fd_;
  in_place_record before_;
  uint64_t size_bytes_ = 0;
  uint64_t hashed_bytes_ = 0;
  sha256_hasher hasher_;
  std::optional<sha256_digest> digest_;
};

/// @returns whether the file is below the folder; both are canonical.
bool is_below(const std::filesystem::path& file, const std::filesystem::path& folder);

} // namespace shoal
