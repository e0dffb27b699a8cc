// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// One bit per row.
using row_bits = std::vector<uint64_t>;

/// A column of short texts that answers "which rows contain this", ignoring the case of ASCII
/// letters. Append-only. Texts lie lower-cased and end to end. Three 64-bit words per row, the
/// characters and a signature of the pairs of neighbours in it, spare the look at most rows. The
/// answers to the last needles are kept, and kept right as rows are added.
class text_column {
public:
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
  struct filter {
    uint64_t characters = 0;
    uint64_t pairs[2] = {0, 0};
  };
  struct answer {
    std::string needle;
    row_bits rows;
    uint64_t asked = 0; // When, on a clock that counts questions.
  };

  static filter filter_of(std::string_view lower);
  uint64_t candidates(const filter& wanted, size_t word, uint64_t rows) const;
  uint64_t scanned(std::string_view needle, size_t word) const;
  uint64_t verified(std::string_view needle, size_t word, uint64_t rows) const;
  void verify(std::string_view needle, row_bits& rows) const;
  void keep_answer(std::string needle, const row_bits& rows) const;

  std::string arena_;          // Ends with spare bytes that a vector load may read.
  std::vector<uint64_t> ends_; // Of each text in `arena_`.
  std::vector<filter> filters_;
  mutable std::vector<answer> answers_;
  mutable uint64_t questions_ = 0;
};

} // namespace shoal
