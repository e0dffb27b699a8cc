// SPDX-License-Identifier: Apache-2.0
#include "persistence/hash_reuse.hpp"

#include <algorithm>

namespace shoal {

hash_needs needs_of(std::span<const manifest_file> files, const hash_reuse& reuse) {
  std::vector<uint64_t> sizes;
  for (auto& file : files)
    sizes.push_back(file.size_bytes);
  const auto all = reuse_of(sizes, reuse);
  const auto piece = reuse.known != nullptr ? reuse.known->piece_length_bytes : 0;
  hash_needs needs;
  for (size_t i = 0; i < files.size(); ++i) {
    if (all[i].spares(sizes[i]))
      continue;
    needs.files.push_back(i);
    // The known part ends with a piece, and with the first file that is not whole in it.
    if (all[i].known != nullptr && all[i].stream_from > 0)
      needs.end = file_end{files[i].sha256, sizes[i], all[i].read_from(piece)};
  }
  return needs;
}

std::vector<file_reuse> reuse_of(std::span<const uint64_t> sizes, const hash_reuse& reuse) {
  std::vector<file_reuse> all(sizes.size());
  uint64_t begin = 0;
  for (auto i : reuse.plan.order) {
    if (reuse.known != nullptr && sizes.size() > 1) {
      auto known = reuse.known->files.find(reuse.names[i]);
      if (known != reuse.known->files.end() && known->second.size_bytes == sizes[i])
        all[i].known = &known->second;
    }
    auto left = reuse.plan.known_bytes - std::min(begin, reuse.plan.known_bytes);
    all[i].stream_from = std::min(left, sizes[i]);
    begin += sizes[i];
  }
  return all;
}

bool reread_file::is_as_known() const {
  const auto first = static_cast<ptrdiff_t>(first_piece);
  auto same = [&](auto& left, auto& right) {
    return left.size() == right.size()
           && std::equal(left.begin() + first, left.end(), right.begin() + first);
  };
  if (known.piece_layer.empty())
    return known.v1_pieces == again.v1_pieces && known.pieces_root == again.pieces_root;
  return same(known.v1_pieces, again.v1_pieces) && same(known.piece_layer, again.piece_layer);
}

} // namespace shoal
