// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/digest.hpp"

#include <vector>

/// The hash trees of v2 torrents. @source BEP 52 "pieces root", "piece layers".
namespace shoal::merkle {

/// Leaves are SHA-256 hashes of blocks of this size; the last block of a file may be shorter.
inline constexpr uint32_t block_bytes = 16 * 1024;

/// @returns the hash of two neighbours.
sha256_digest parent(sha256_hasher& hasher, const sha256_digest& left, const sha256_digest& right);

/// @param leaves 1..width hashes; consumed as scratch space.
/// @param width a power of two: the number of leaves of the complete tree.
/// @param pad stands for each absent leaf; 32 zero bytes in the layer of the blocks.
sha256_digest root(std::vector<sha256_digest> leaves, size_t width, const sha256_digest& pad = {});

/// @returns the root of a tree over `width` absent blocks, which pads layers above the blocks.
sha256_digest pad_root(size_t width);

/// Hashes the blocks of one piece, or of a whole file that is no longer than a piece.
/// @param data 1 byte or more, at most `width` blocks.
/// @param width a power of two: blocks per piece, or of the file rounded up.
sha256_digest block_root(std::span<const uint8_t> data, size_t width);

/// @param piece_layer one hash per piece of the file, two or more.
/// @returns the "pieces root" of a file that is longer than a piece.
sha256_digest layer_root(std::vector<sha256_digest> piece_layer, uint32_t piece_length_bytes);

} // namespace shoal::merkle
