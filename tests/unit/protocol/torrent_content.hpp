// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/merkle.hpp"
#include "protocol/torrent_builder.hpp"

#include <bit>
#include <map>

namespace shoal::test {

/// Hashes files in memory, the plainest way there is; `files` maps paths to bytes. The map orders
/// by bytes: give paths where that is the order of a file tree as well.
inline torrent_content content_of(const std::map<std::string, std::string>& files,
                                  uint32_t piece_length_bytes = 16 * 1024) {
  torrent_content content;
  content.piece_length_bytes = piece_length_bytes;
  std::string stream;
  auto pieces_of = [&](std::string_view bytes) {
    std::vector<sha1_digest> pieces;
    for (size_t at = 0; at < bytes.size(); at += piece_length_bytes)
      pieces.push_back(sha1(bytes.substr(at, piece_length_bytes)));
    return pieces;
  };
  for (auto& [path, bytes] : files) {
    hashed_file file{path, bytes.size(), sha256(bytes), std::nullopt, {}, {}};
    stream += bytes;
    auto padded = bytes;
    if (files.size() > 1)
      padded.resize((bytes.size() + piece_length_bytes - 1) / piece_length_bytes
                    * piece_length_bytes);
    file.v1_pieces = pieces_of(padded);
    const size_t blocks = (bytes.size() + merkle::block_bytes - 1) / merkle::block_bytes;
    if (bytes.size() > piece_length_bytes)
      for (size_t at = 0; at < bytes.size(); at += piece_length_bytes)
        file.piece_layer.push_back(
            merkle::block_root(as_bytes(std::string_view(bytes).substr(at, piece_length_bytes)),
                               piece_length_bytes / merkle::block_bytes));
    if (!bytes.empty())
      file.pieces_root = merkle::block_root(as_bytes(bytes), std::bit_ceil(blocks));
    content.files.push_back(std::move(file));
  }
  content.v1_stream_pieces = pieces_of(stream);
  return content;
}

} // namespace shoal::test
