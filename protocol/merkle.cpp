// SPDX-License-Identifier: Apache-2.0
#include "protocol/merkle.hpp"

#include "core/error.hpp"

#include <bit>

namespace shoal::merkle {

sha256_digest parent(sha256_hasher& hasher, const sha256_digest& left, const sha256_digest& right) {
  hasher.update(left.bytes);
  hasher.update(right.bytes);
  return hasher.finish();
}

sha256_digest root(std::vector<sha256_digest> leaves, size_t width, const sha256_digest& pad) {
  SHOAL_CHECK(std::has_single_bit(width) && !leaves.empty() && leaves.size() <= width);
  sha256_hasher hasher;
  auto absent = pad;
  for (; width > 1; width /= 2) {
    if (leaves.size() % 2 != 0)
      leaves.push_back(absent);
    for (size_t i = 0; i < leaves.size() / 2; ++i)
      leaves[i] = parent(hasher, leaves[2 * i], leaves[2 * i + 1]);
    leaves.resize(leaves.size() / 2);
    absent = parent(hasher, absent, absent);
  }
  return leaves.front();
}

sha256_digest pad_root(size_t width) {
  return root({sha256_digest{}}, width);
}

sha256_digest block_root(std::span<const uint8_t> data, size_t width) {
  sha256_hasher hasher;
  std::vector<sha256_digest> leaves;
  leaves.reserve(data.size() / block_bytes + 2);
  while (!data.empty()) {
    auto block = data.first(std::min<size_t>(data.size(), block_bytes));
    hasher.update(block);
    leaves.push_back(hasher.finish());
    data = data.subspan(block.size());
  }
  return root(std::move(leaves), width);
}

sha256_digest layer_root(std::vector<sha256_digest> piece_layer, uint32_t piece_length_bytes) {
  const size_t width = std::bit_ceil(piece_layer.size());
  return root(std::move(piece_layer), width, pad_root(piece_length_bytes / block_bytes));
}

} // namespace shoal::merkle
