// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "protocol/digest.hpp"
#include "protocol/model_card.hpp"
#include "protocol/model_id.hpp"
#include "protocol/repository_card.hpp"

#include <string>
#include <vector>

namespace shoal {

struct manifest_file {
  std::string path; ///< See `is_safe_path`.
  uint64_t size_bytes = 0;
  sha256_digest sha256; ///< The name of the file's object.
  std::optional<sha256_digest>
      pieces_root; ///< Absent for empty files and if no v2 torrent is known.
  /// The name of its bytes as a git blob. Absent if a git repository would have the file in LFS;
  /// revisions that were published before there was this field show all files so.
  std::optional<sha1_digest> git_blob = std::nullopt;

  bool operator==(const manifest_file&) const = default;
};

struct manifest_torrent {
  std::string format;              ///< "hybrid", "v1" or "v2".
  std::optional<info_hash> v1;     ///< Present in hybrid and v1.
  std::optional<sha256_digest> v2; ///< Present in hybrid and v2.
  sha256_digest object;            ///< The .torrent file's bytes.

  bool operator==(const manifest_torrent&) const = default;
};

/// The immutable description of one revision. Its canonical JSON is an object itself.
struct manifest {
  model_id id;
  std::string rev;
  std::string kind = "model"; ///< "model", "dataset" or "space".
  bool is_private = false;
  std::vector<manifest_file> files;       ///< 1..limits::files_per_revision_max, in path order.
  std::vector<manifest_torrent> torrents; ///< At most one per format, in the order of the names.

  /// Whoever wants the files must have accepted the licence.
  bool is_gated = false;

  /// What model files say of themselves: at most one per file, in path order. Revisions that were
  /// published before there was this field have none.
  std::vector<model_card> cards = {};

  /// What the repository says of itself.
  repository_card card = {};

  uint64_t total_size_bytes() const;

  /// @returns the torrent of that format, or null.
  const manifest_torrent* find_torrent(std::string_view format) const;

  /// @returns the file of that path, or null. Binary search.
  const manifest_file* find_file(std::string_view path) const;

  /// @returns the card of that file, or null. Binary search.
  const model_card* find_card(std::string_view path) const;

  bool operator==(const manifest&) const = default;
};

/// @returns what is shown of a revision whose card is that: its own, or one that is yet to be.
repository_profile profile_of(const manifest& m, const repository_card& card);

/// Sorts files, cards and torrents as `validate` wants them.
void normalize(manifest& m);

/// Checks every rule that the fields' comments name; no file may also be a folder of another.
/// @errors ec::invalid_argument, ec::too_large (client), with a detail for people.
result<void> validate(const manifest& m);

/// @returns canonical JSON: keys sorted, no blanks, so that equal manifests are equal objects.
/// @param m valid.
std::string encode_manifest(const manifest& m);

/// Decodes and validates. Unknown keys are ignored, so that later versions can be read.
/// @param bytes at most limits::manifest_bytes_max.
/// @errors ec::invalid_argument, ec::too_large (client).
result<manifest> decode_manifest(std::string_view bytes);

} // namespace shoal
