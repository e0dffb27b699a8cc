// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/text_column_filter.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// A column of short texts that answers "which rows contain this", ignoring the case of ASCII
/// letters. Append-only. Texts lie lower-cased and end to end; a filter spares the look at most of
/// them. The answers to the last needles are kept, and kept right as rows are added.
class text_column {
public:
  /// @param own_pairs see text_column_filter.
  explicit text_column(size_t own_pairs) : filter_{own_pairs} {}

  void append(std::string_view text);

  size_t rows() const { return ends_.size(); }

  /// The text as it is searched: lower-cased.
  std::string_view row(size_t at) const {
    auto begin = at == 0 ? 0 : ends_[at - 1];
    return {arena_.data() + begin, size_t(ends_[at] - begin)};
  }

  /// @returns whether the row would not change if it were made of `text`.
  bool equals(size_t at, std::string_view text) const;

  static constexpr size_t answers_max = 16;        ///< Needles whose answer is kept.
  static constexpr size_t answer_needle_max = 128; ///< Bytes of such a needle.

  /// Clears the bits of those rows that do not contain `needle`; everything contains the empty one.
  /// @param rows has a bit for each row and no more set bits.
  /// @param all_rows whether `rows` holds all rows that will ever be asked for again, so that the
  ///        answer is worth keeping.
  void keep_matches(std::string_view needle, row_bits& rows, bool all_rows = false) const;

  size_t memory_bytes() const;

private:
  struct answer {
    std::string needle;
    row_bits rows;
    uint64_t asked = 0; // When, on a clock that counts questions.
  };

  uint64_t scanned(std::string_view needle, size_t word) const;
  uint64_t verified(std::string_view needle, size_t word, uint64_t rows) const;
  void verify(std::string_view needle, row_bits& rows) const;
  void keep_answer(std::string needle, const row_bits& rows) const;

  std::string arena_;          // Ends with spare bytes that a vector load may read.
  std::vector<uint64_t> ends_; // Of each text in `arena_`.
  text_column_filter filter_;
  mutable std::vector<answer> answers_;
  mutable uint64_t questions_ = 0;
};

} // namespace shoal
