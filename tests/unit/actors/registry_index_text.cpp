// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.registry_index_text

#include "actors/text_column.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

using namespace shoal;

namespace {

std::string folded(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z')
      c = char(c - 'A' + 'a');
  return text;
}

struct generator {
  std::mt19937_64 random;

  uint64_t below(uint64_t n) { return random() % n; }

  /// Few characters, so that needles are found, and more pairs of them than have a plane.
  std::string text(size_t size) {
    constexpr std::string_view characters = "abcABC019-_.\xc3\xa9\xa8^;{";
    std::string result;
    for (; size > 0; --size)
      result += characters[below(characters.size())];
    return result;
  }
};

row_bits random_rows(generator& g, size_t rows) {
  row_bits bits((rows + 63) / 64);
  for (size_t row = 0; row < rows; ++row)
    bits[row / 64] |= uint64_t{g.below(4) != 0} << (row % 64);
  return bits;
}

row_bits naive(const std::vector<std::string>& texts, const std::string& needle, row_bits rows) {
  for (size_t row = 0; row < texts.size(); ++row)
    if (folded(texts[row]).find(folded(needle)) == std::string::npos)
      rows[row / 64] &= ~(uint64_t{1} << (row % 64));
  return rows;
}

void check_column(size_t own_pairs, size_t rows) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed << " own pairs " << own_pairs << " rows " << rows);
  generator g{std::mt19937_64(seed)};
  text_column column(own_pairs);
  std::vector<std::string> texts;
  while (texts.size() < rows) {
    texts.push_back(g.text(g.below(40)));
    column.append(texts.back());
    if (g.below(8) != 0)
      continue;
    auto needle = g.text(1 + g.below(5));
    auto all = row_bits((texts.size() + 63) / 64, 0);
    for (size_t row = 0; row < texts.size(); ++row)
      all[row / 64] |= uint64_t{1} << (row % 64);
    auto expected = naive(texts, needle, all);
    column.keep_matches(needle, all, true);
    CAF_REQUIRE(all == expected);
    auto some = random_rows(g, texts.size());
    expected = naive(texts, needle, some);
    column.keep_matches(needle, some);
    CAF_REQUIRE(some == expected);
  }
}

} // namespace

CAF_TEST(needles are found when every pair has a plane of its own) {
  check_column(384, 1500);
}

CAF_TEST(needles are found when pairs share planes) {
  check_column(0, 1500);
  check_column(9, 1500);
}

CAF_TEST(a pair that no text has is in no row) {
  text_column column(384);
  column.append("abc");
  row_bits rows{1};
  column.keep_matches("bd", rows);
  CAF_CHECK_EQUAL(rows[0], 0u);
  rows = {1};
  column.keep_matches("BC", rows);
  CAF_CHECK_EQUAL(rows[0], 1u);
}
