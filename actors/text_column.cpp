// SPDX-License-Identifier: Apache-2.0
#include "actors/text_column.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

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

#if defined(__SSE2__)

/// Compares the needle's first and last character with 16 places at once. Reads up to 15 bytes
/// beyond the text, which the arena's spare bytes allow.
/// @returns the first place at or after `from`, or npos.
size_t find_in(std::string_view text, std::string_view needle, size_t from) {
  auto n = needle.size();
  if (text.size() < n)
    return std::string_view::npos;
  auto places = text.size() - n + 1;
  auto first = _mm_set1_epi8(needle.front());
  auto last = _mm_set1_epi8(needle.back());
  auto at = [&](size_t i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
  };
  for (auto i = from; i < places; i += 16) {
    auto both = _mm_and_si128(_mm_cmpeq_epi8(at(i), first), _mm_cmpeq_epi8(at(i + n - 1), last));
    auto hits = uint32_t(_mm_movemask_epi8(both));
    if (places - i < 16)
      hits &= (1u << (places - i)) - 1;
    for (; hits != 0; hits &= hits - 1) {
      auto place = i + size_t(std::countr_zero(hits));
      if (n <= 2 || std::memcmp(text.data() + place + 1, needle.data() + 1, n - 2) == 0)
        return place;
    }
  }
  return std::string_view::npos;
}

#else

size_t find_in(std::string_view text, std::string_view needle, size_t from) {
  return text.find(needle, from);
}

#endif

bool contains(std::string_view text, std::string_view needle) {
  return find_in(text, needle, 0) != std::string_view::npos;
}

} // namespace

void text_column::append(std::string_view text) {
  auto begin = ends_.empty() ? 0 : ends_.back();
  arena_.resize(begin);
  arena_.append(text);
  std::transform(arena_.begin() + ptrdiff_t(begin), arena_.end(), arena_.begin() + ptrdiff_t(begin),
                 lower);
  ends_.push_back(arena_.size());
  filter_.append(std::string_view(arena_).substr(begin));
  arena_.append(spare_bytes, '\0');
  auto row_number = rows() - 1;
  for (auto& known : answers_) {
    known.rows.resize(row_number / 64 + 1);
    if (contains(row(row_number), known.needle))
      known.rows[row_number / 64] |= uint64_t{1} << (row_number % 64);
  }
}

bool text_column::equals(size_t at, std::string_view text) const {
  auto r = row(at);
  return std::equal(r.begin(), r.end(), text.begin(), text.end(),
                    [](char a, char b) { return a == lower(b); });
}

/// Looks through 64 rows in one go: cheaper than row by row if many of them are candidates.
uint64_t text_column::scanned(std::string_view needle, size_t word) const {
  auto first = word * 64;
  auto last = std::min(first + 64, rows());
  auto base = first == 0 ? 0 : ends_[first - 1];
  auto text = std::string_view(arena_).substr(base, ends_[last - 1] - base);
  uint64_t result = 0;
  size_t at = first;
  for (size_t from = 0; (from = find_in(text, needle, from)) != std::string_view::npos;) {
    while (ends_[at] - base <= from)
      ++at;
    auto end = ends_[at] - base;
    if (from + needle.size() <= end) {
      result |= uint64_t{1} << (at - first);
      from = end;
    } else {
      ++from; // It runs over the border of two rows.
    }
  }
  return result;
}

uint64_t text_column::verified(std::string_view needle, size_t word, uint64_t rows) const {
  if (std::popcount(rows) >= 24)
    return rows & scanned(needle, word);
  auto result = rows;
  for (auto rest = rows; rest != 0; rest &= rest - 1) {
    auto i = size_t(std::countr_zero(rest));
    if (!contains(row(word * 64 + i), needle))
      result &= ~(uint64_t{1} << i);
  }
  return result;
}

/// Candidates lie too far apart for the processor to foresee them, and waiting for memory is what
/// this costs most. So ends, and then texts, are asked for some rows ahead.
void text_column::verify(std::string_view needle, row_bits& rows) const {
  constexpr size_t ends_ahead = 16;
  constexpr size_t texts_ahead = 6;
  for (size_t word = 0; word < rows.size(); ++word) {
    if (word + ends_ahead < rows.size() && rows[word + ends_ahead] != 0)
      for (size_t i = 0; i < 64; i += 8)
        __builtin_prefetch(&ends_[std::min((word + ends_ahead) * 64 + i, ends_.size() - 1)]);
    if (word + texts_ahead < rows.size()) {
      auto first = (word + texts_ahead) * 64;
      for (auto rest = rows[word + texts_ahead]; rest != 0; rest &= rest - 1)
        __builtin_prefetch(row(first + size_t(std::countr_zero(rest))).data());
    }
    if (rows[word] != 0)
      rows[word] = verified(needle, word, rows[word]);
  }
}

void text_column::keep_matches(std::string_view needle, row_bits& rows, bool all_rows) const {
  if (needle.empty())
    return;
  auto wanted_text = lowered(needle);
  for (auto& known : answers_) {
    if (known.needle != wanted_text)
      continue;
    known.asked = ++questions_;
    for (size_t word = 0; word < rows.size(); ++word)
      rows[word] &= known.rows[word];
    return;
  }
  if (filter_.keep_candidates(wanted_text, rows))
    return;
  verify(wanted_text, rows);
  if (all_rows && needle.size() <= answer_needle_max)
    keep_answer(std::move(wanted_text), rows);
}

/// Takes the place of the answer that was not asked for the longest time.
void text_column::keep_answer(std::string needle, const row_bits& rows) const {
  if (answers_.size() < answers_max)
    answers_.emplace_back();
  auto& place
      = *std::min_element(answers_.begin(), answers_.end(),
                          [](const answer& a, const answer& b) { return a.asked < b.asked; });
  place.needle = std::move(needle);
  place.rows = rows;
  place.asked = ++questions_;
}

size_t text_column::memory_bytes() const {
  return arena_.capacity() + ends_.capacity() * sizeof(uint64_t) + filter_.memory_bytes()
         + answers_.size() * (sizeof(answer) + (rows() + 7) / 8);
}

} // namespace shoal
