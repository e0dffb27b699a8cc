// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"

#include <map>
#include <string_view>
#include <vector>

namespace shoal {

/// The hashes of the pieces of a v2 torrent's files.
struct piece_layers {
  uint32_t piece_length_bytes = 0;

  /// By "pieces root"; files of one piece are not there: their root is the piece's hash.
  std::map<sha256_digest, std::vector<sha256_digest>> layers;
};

/// Reads what a published .torrent says; that the layers fit their roots was checked when it was
/// published. @param torrent at most limits::metainfo_bytes_max.
/// @errors ec::invalid_argument, ec::too_large; ec::unsupported: it has no v2 part.
/// @source BEP 52 "piece layers"
result<piece_layers> read_piece_layers(std::string_view torrent);

} // namespace shoal
