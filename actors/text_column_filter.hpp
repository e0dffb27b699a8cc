// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace shoal {

/// One bit per row.
using row_bits = std::vector<uint64_t>;

/// Tells which rows of a text column can contain a needle, without a look at their texts.
///
/// A plane is a bit per row that says whether a character, or a pair of neighbours, is in the row's
/// text. The pairs that come first, and those are the frequent ones, get a plane of their own; the
/// others share some. Planes lie in blocks of 512 rows, one cache line per plane, so a question
/// reads one line per pair of its needle and block, and adding a row touches one block.
class text_column_filter {
public:
  /// @param own_pairs how many pairs get a plane of their own; a plane costs a bit per row.
  explicit text_column_filter(size_t own_pairs);

  /// Adds a row. @param text lower-cased.
  void append(std::string_view text);

  /// Clears the bits of rows that cannot contain `needle`.
  /// @param needle lower-cased, not empty. @param rows has a bit for each row at most.
  /// @returns whether all rows that are left do contain it.
  bool keep_candidates(std::string_view needle, row_bits& rows) const;

  size_t memory_bytes() const;

private:
  static constexpr size_t block_words = 8;
  static constexpr size_t classes = 64; ///< Of characters.
  static constexpr size_t shared_planes = 128;
  static constexpr size_t first_own = classes + shared_planes;

  size_t planes() const { return first_own + own_max_; }
  size_t pair_plane(char a, char b) const;
  void keep(const std::vector<size_t>& wanted, row_bits& rows) const;

  std::vector<row_bits> blocks_;
  std::vector<uint16_t> own_; // Plane of each pair of classes; 0 if it has none.
  size_t own_max_;
  size_t own_used_ = 0;
  size_t rows_ = 0;
};

} // namespace shoal
