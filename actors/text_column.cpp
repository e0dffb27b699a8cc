// SPDX-License-Identifier: Apache-2.0
#include "actors/text_column.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace shoal {

namespace {

constexpr size_t spare_bytes = 32;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + 32) : c;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

/// Letters, digits and what names are otherwise made of have a bit of their own.
constexpr std::string_view own_bits = "abcdefghijklmnopqrstuvwxyz0123456789-_./ ,:+()[]@#&!'=~%*\"";
constexpr uint64_t shared_bit = uint64_t{1} << 63;
static_assert(own_bits.size() <= 63);

constexpr auto character_bits = [] {
  std::array<uint64_t, 256> bits{};
  bits.fill(shared_bit);
  for (size_t i = 0; i < own_bits.size(); ++i)
    bits[uint8_t(own_bits[i])] = uint64_t{1} << i;
  return bits;
}();

uint64_t pair_bit(char a, char b) {
  auto pair = uint32_t(uint8_t(a)) << 8 | uint8_t(b);
  return uint64_t{1} << ((pair * 0x9e3779b1u) >> 26);
}

#if defined(__SSE2__)

/// Compares the needle's first and last character with 16 places at once. Reads up to 15 bytes
/// beyond the text, which the arena's spare bytes allow.
bool contains(std::string_view text, std::string_view needle) {
  auto n = needle.size();
  if (text.size() < n)
    return false;
  auto places = text.size() - n + 1;
  auto first = _mm_set1_epi8(needle.front());
  auto last = _mm_set1_epi8(needle.back());
  auto at = [&](size_t i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
  };
  for (size_t i = 0; i < places; i += 16) {
    auto both = _mm_and_si128(_mm_cmpeq_epi8(at(i), first), _mm_cmpeq_epi8(at(i + n - 1), last));
    auto hits = uint32_t(_mm_movemask_epi8(both));
    if (places - i < 16)
      hits &= (1u << (places - i)) - 1;
    for (; hits != 0; hits &= hits - 1) {
      auto place = text.data() + i + std::countr_zero(hits);
      if (n <= 2 || std::memcmp(place + 1, needle.data() + 1, n - 2) == 0)
        return true;
    }
  }
  return false;
}

#else

bool contains(std::string_view text, std::string_view needle) {
  return text.find(needle) != std::string_view::npos;
}

#endif

} // namespace

text_column::filter text_column::filter_of(std::string_view lower_text) {
  filter f;
  for (size_t i = 0; i < lower_text.size(); ++i) {
    f.characters |= character_bits[uint8_t(lower_text[i])];
    if (i > 0)
      f.pairs |= pair_bit(lower_text[i - 1], lower_text[i]);
  }
  return f;
}

void text_column::append(std::string_view text) {
  auto begin = ends_.empty() ? 0 : ends_.back();
  arena_.resize(begin);
  arena_.append(text);
  std::transform(arena_.begin() + ptrdiff_t(begin), arena_.end(), arena_.begin() + ptrdiff_t(begin),
                 lower);
  ends_.push_back(arena_.size());
  filters_.push_back(filter_of(std::string_view(arena_).substr(begin)));
  arena_.append(spare_bytes, '\0');
}

bool text_column::equals(size_t at, std::string_view text) const {
  auto r = row(at);
  return std::equal(r.begin(), r.end(), text.begin(), text.end(),
                    [](char a, char b) { return a == lower(b); });
}

/// @returns those of 64 rows that pass the filter.
uint64_t text_column::candidates(const filter& wanted, size_t word, uint64_t rows) const {
  auto passes = [&](const filter& f) {
    return (((f.characters & wanted.characters) ^ wanted.characters)
            | ((f.pairs & wanted.pairs) ^ wanted.pairs))
           == 0;
  };
  auto first = filters_.data() + word * 64;
  uint64_t result = 0;
  if (std::popcount(rows) > 16) {
    auto count = std::min<size_t>(64, filters_.size() - word * 64);
    for (size_t i = 0; i < count; ++i)
      result |= uint64_t{passes(first[i])} << i;
    return result & rows;
  }
  for (auto rest = rows; rest != 0; rest &= rest - 1) {
    auto i = std::countr_zero(rest);
    result |= uint64_t{passes(first[i])} << i;
  }
  return result;
}

uint64_t text_column::verified(std::string_view needle, size_t word, uint64_t rows) const {
  auto result = rows;
  for (auto rest = rows; rest != 0; rest &= rest - 1) {
    auto i = size_t(std::countr_zero(rest));
    if (!contains(row(word * 64 + i), needle))
      result &= ~(uint64_t{1} << i);
  }
  return result;
}

void text_column::keep_matches(std::string_view needle, row_bits& rows) const {
  if (needle.empty())
    return;
  auto wanted_text = lowered(needle);
  auto wanted = filter_of(wanted_text);
  auto filter_is_exact = needle.size() == 1 && wanted.characters != shared_bit;
  for (size_t word = 0; word < rows.size(); ++word) {
    if (rows[word] == 0)
      continue;
    rows[word] = candidates(wanted, word, rows[word]);
    if (!filter_is_exact)
      rows[word] = verified(wanted_text, word, rows[word]);
  }
}

size_t text_column::memory_bytes() const {
  return arena_.capacity() + ends_.capacity() * sizeof(uint64_t)
         + filters_.capacity() * sizeof(filter);
}

} // namespace shoal
