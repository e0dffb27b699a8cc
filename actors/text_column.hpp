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
/// letters. Append-only. Texts lie lower-cased and end to end, so that a scan is one pass over
/// memory; a 64-bit signature per row (which pairs of characters occur) spares most of that pass
/// for needles that few rows contain.
class text_column {
public:
  void append(std::string_view text);

  size_t rows() const { return ends_.size(); }

  std::string_view row(size_t at) const; ///< Lower-cased.

  /// Clears the bits in `rows` of those that do not contain `needle`, an empty one is contained
  /// in all. `rows` has a bit for each row.
  void keep_matches(std::string_view needle, row_bits& rows) const;

  bool equals(size_t at, std::string_view text) const;

  size_t text_bytes() const { return arena_.size(); }

  size_t memory_bytes() const;

  void reserve(size_t rows, size_t bytes);

private:
  void scan_arena(std::string_view needle, row_bits& rows) const;
  void scan_signatures(std::string_view needle, uint64_t wanted, row_bits& rows) const;

  std::string arena_;          // Each text is followed by a NUL, which no needle contains.
  std::vector<uint32_t> ends_; // Of each text in `arena_`, without the NUL.
  std::vector<uint64_t> signatures_;
};

} // namespace shoal
