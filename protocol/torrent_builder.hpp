// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "protocol/digest.hpp"
#include "protocol/torrent_links.hpp"

#include <span>
#include <string>
#include <vector>

namespace shoal {

/// What a torrent is made for. Common clients read only v1, so hybrids have a v1 sibling.
enum class torrent_format : uint8_t { hybrid, v1, v2 };

/// @returns "hybrid", "v1" or "v2".
std::string_view name(torrent_format format);

std::optional<torrent_format> parse_torrent_format(std::string_view text);

/// A file with every hash that any of the formats needs.
struct hashed_file {
  std::string path; ///< Below the torrent's name, '/' between segments.
  uint64_t size_bytes = 0;
  sha256_digest sha256; ///< Of the whole file: the name of its object.

  /// Absent for an empty file. @source BEP 52.
  std::optional<sha256_digest> pieces_root;

  /// One hash per piece if the file is longer than a piece, else empty.
  std::vector<sha256_digest> piece_layer;

  /// SHA-1 of each piece of the file as hybrids have them: the last piece is filled up with zeros
  /// unless this is the only file. @source BEP 47, libtorrent 2.0.8.
  std::vector<sha1_digest> v1_pieces;
};

/// All that torrents of one folder are made of, without the bytes of the files.
struct torrent_content {
  uint32_t piece_length_bytes = 0; ///< A power of two.
  std::vector<hashed_file> files;  ///< Unique, in the order of `path_less`.

  /// SHA-1 of each piece of all files in a row without pads, for the v1 format.
  std::vector<sha1_digest> v1_stream_pieces;

  /// The order of `files` in that row, as indexes. Empty: as they stand.
  std::vector<size_t> v1_order = {};

  uint64_t total_size_bytes() const;
};

struct torrent_options {
  std::string name; ///< The folder that clients make: the revision.
  bool is_private = false;
  torrent_links links;
  std::string created_by;      ///< Omitted if empty.
  unix_seconds created_at = 0; ///< Omitted if 0.
};

/// @returns a power of two from 16 KiB to 16 MiB that cuts the files into 1,000 to 4,000 pieces
/// where these bounds allow it, but less where the pads of a hybrid would be more than the files:
/// 200,000 files of 100 kB, cut at 16 MiB, would be three terabytes of zeros.
uint32_t choose_piece_length(std::span<const uint64_t> file_sizes_bytes);

/// Orders paths as BEP 52 orders a file tree: segment by segment, bytes unsigned.
bool path_less(std::string_view left, std::string_view right);

/// Makes a .torrent file, always of the multi-file style.
/// @errors ec::invalid_argument (client) if there is not one byte of content, if the files are out
/// of order or doubled, or if a file is also a folder.
/// @source BEP 3, BEP 12, BEP 19, BEP 27, BEP 47, BEP 52.
result<std::string> build_torrent(const torrent_content& content, torrent_format format,
                                  const torrent_options& options);

} // namespace shoal
