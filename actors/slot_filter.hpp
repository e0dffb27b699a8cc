// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/slots.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace shoal {

/// A set of slots.
struct slot_filter {
  static constexpr size_t word_bits = 64;

  std::array<uint64_t, slot_count / word_bits> words{};

  static slot_filter all() {
    slot_filter made;
    made.words.fill(UINT64_MAX);
    return made;
  }

  bool has(size_t slot) const { return words[slot / word_bits] >> (slot % word_bits) & 1; }
  void add(size_t slot) { words[slot / word_bits] |= uint64_t{1} << (slot % word_bits); }
  void remove(size_t slot) { words[slot / word_bits] &= ~(uint64_t{1} << (slot % word_bits)); }

  bool empty() const { return *this == slot_filter{}; }
  bool full() const { return *this == all(); }

  /// Whether none, or all, of the slots `first..last` are in it.
  bool has_none(size_t first, size_t last) const {
    while (first <= last && !has(first))
      ++first;
    return first > last;
  }
  bool has_all(size_t first, size_t last) const {
    while (first <= last && has(first))
      ++first;
    return first > last;
  }

  bool operator==(const slot_filter&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slot_filter& x) {
  return f(x.words[0], x.words[1], x.words[2], x.words[3]);
}

} // namespace shoal
