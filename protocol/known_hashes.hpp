// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/manifest.hpp"
#include "protocol/torrent_builder.hpp"

#include <map>

namespace shoal {

/// What the torrents of a revision say of its files, so that who makes those of the next one need
/// not read what has not changed.
struct known_hashes {
  uint32_t piece_length_bytes = 0;

  /// By the hash of the whole file; each as it is among several. Not the empty ones.
  std::map<sha256_digest, hashed_file> files;

  /// The files of the v1 sibling in its order, without empty ones, and the pieces of all in a row.
  /// Empty if there is no such torrent.
  std::vector<sha256_digest> stream;
  std::vector<sha1_digest> stream_pieces;
};

/// @param m a revision of two files or more: one that is alone is cut without pads.
/// @param hybrid, v1 its torrents; `v1` may be empty. What does not fit is left out.
/// @errors ec::invalid_argument, ec::too_large, as those of `parse_metainfo`.
/// @source BEP 3 "pieces", BEP 47, BEP 52 "piece layers".
result<known_hashes> read_known_hashes(const manifest& m, std::string_view hybrid,
                                       std::string_view v1);

/// How the files of a revision follow each other in a v1 torrent. Its pieces straddle files, so all
/// after the first change must be read again: what seldom changes is to come first.
struct stream_plan {
  std::vector<size_t> order; ///< Indexes of the files.
  uint64_t known_bytes = 0;  ///< So much of the beginning need not be read: whole pieces, or all.
};

/// What was so before keeps its place up to the first change; then large files come first.
/// @param known may be null. Its pieces must be as long as those that are planned for.
stream_plan plan_stream(std::span<const manifest_file> files, const known_hashes* known);

/// @returns the length of pieces for these files: that of `known`, if that is about right.
uint32_t piece_length_for(std::span<const manifest_file> files, const known_hashes* known);

} // namespace shoal
