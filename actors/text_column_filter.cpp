// SPDX-License-Identifier: Apache-2.0
#include "actors/text_column_filter.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace shoal {

namespace {

/// Letters, digits and what names are otherwise made of have a class of their own.
constexpr std::string_view own_classes
    = "abcdefghijklmnopqrstuvwxyz0123456789-_./ ,:+()[]@#&!'=~%*\"";
constexpr uint8_t other_class = 63;
static_assert(own_classes.size() <= other_class);

constexpr auto class_table = [] {
  std::array<uint8_t, 256> numbers{};
  numbers.fill(other_class);
  for (size_t i = 0; i < own_classes.size(); ++i)
    numbers[uint8_t(own_classes[i])] = uint8_t(i);
  return numbers;
}();

size_t class_of(char c) {
  return class_table[uint8_t(c)];
}

size_t own_number(char a, char b) {
  return class_of(a) * 64 + class_of(b);
}

/// The characters of the last class cannot be told apart.
bool can_own(char a, char b) {
  return class_of(a) != other_class && class_of(b) != other_class;
}

} // namespace

text_column_filter::text_column_filter(size_t own_pairs)
    : own_(classes * classes), own_max_{own_pairs} {}

/// @returns 0, which is no pair's plane, if no row has the pair.
size_t text_column_filter::pair_plane(char a, char b) const {
  if (can_own(a, b)) {
    auto own = own_[own_number(a, b)];
    if (own != 0 || own_used_ < own_max_)
      return own;
  }
  auto pair = uint32_t(uint8_t(a)) << 8 | uint8_t(b);
  return classes + ((pair * 0x9e3779b1u) >> 25); // 0..127
}

void text_column_filter::append(std::string_view text) {
  static_assert(shared_planes == 128);
  auto word = rows_ / 64 % block_words;
  auto bit = uint64_t{1} << (rows_ % 64);
  if (rows_ % (block_words * 64) == 0)
    blocks_.emplace_back(planes() * block_words);
  auto& block = blocks_.back();
  ++rows_;
  for (size_t i = 0; i < text.size(); ++i) {
    block[class_of(text[i]) * block_words + word] |= bit;
    if (i == 0)
      continue;
    auto plane = pair_plane(text[i - 1], text[i]);
    if (plane == 0) {
      plane = first_own + own_used_++;
      own_[own_number(text[i - 1], text[i])] = uint16_t(plane);
    }
    block[plane * block_words + word] |= bit;
  }
}

bool text_column_filter::keep_candidates(std::string_view needle, row_bits& rows) const {
  if (needle.size() == 1) {
    keep({class_of(needle[0])}, rows);
    return class_of(needle[0]) != other_class;
  }
  std::vector<size_t> wanted;
  for (size_t i = 1; i < needle.size(); ++i) {
    wanted.push_back(pair_plane(needle[i - 1], needle[i]));
    if (wanted.back() == 0) {
      std::fill(rows.begin(), rows.end(), 0);
      return true;
    }
  }
  // The pair that came up last is likely the rarest: after it there is less to look at.
  std::sort(wanted.begin(), wanted.end(), std::greater{});
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  keep(wanted, rows);
  return needle.size() == 2 && wanted[0] >= first_own;
}

void text_column_filter::keep(const std::vector<size_t>& wanted, row_bits& rows) const {
  for (size_t number = 0; number < blocks_.size(); ++number) {
    auto first = number * block_words;
    if (first >= rows.size())
      return;
    auto count = std::min(block_words, rows.size() - first);
    std::array<uint64_t, block_words> left{};
    std::copy_n(rows.begin() + ptrdiff_t(first), count, left.begin());
    for (auto plane : wanted) {
      auto bits = blocks_[number].data() + plane * block_words;
      uint64_t any = 0;
      for (size_t i = 0; i < block_words; ++i)
        any |= left[i] &= bits[i];
      if (any == 0)
        break;
    }
    std::copy_n(left.begin(), count, rows.begin() + ptrdiff_t(first));
  }
}

size_t text_column_filter::memory_bytes() const {
  return blocks_.size() * (sizeof(row_bits) + planes() * block_words * sizeof(uint64_t))
         + own_.capacity() * sizeof(uint16_t);
}

} // namespace shoal
