// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.chunk_list

#include "cmd/get/chunk_list.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <random>

using namespace shoal::get;

namespace {

constexpr uint64_t mib = 1024 * 1024;
using chunks = std::vector<chunk>;

} // namespace

CAF_TEST(what is missing comes in chunks that do not cross their grid) {
  CAF_CHECK(missing_chunks(0, {}).empty());
  CAF_CHECK(missing_chunks(5, {}) == (chunks{{0, 5}}));
  CAF_CHECK(missing_chunks(20 * mib, {})
            == (chunks{{0, 8 * mib}, {8 * mib, 16 * mib}, {16 * mib, 20 * mib}}));
  CAF_CHECK(missing_chunks(20 * mib, {{3, 9 * mib}, {19 * mib, 20 * mib}})
            == (chunks{{0, 3}, {9 * mib, 16 * mib}, {16 * mib, 19 * mib}}));
  CAF_CHECK(missing_chunks(9, {{4, 100}, {0, 2}, {1, 3}}) == (chunks{{3, 4}}));
  CAF_CHECK(missing_chunks(9, {{0, 9}}).empty());
}

CAF_TEST(held and missing bytes are all bytes) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 500; ++round) {
    const uint64_t size = random() % (40 * mib);
    std::vector<chunk> held;
    for (auto count = random() % 6; count > 0; --count) {
      const uint64_t first = random() % (size + 1);
      held.push_back({first, first + random() % (12 * mib)});
    }
    uint64_t at = 0;
    auto is_held = [&](uint64_t byte) {
      return std::any_of(held.begin(), held.end(),
                         [&](auto& x) { return x.first <= byte && byte < x.end; });
    };
    for (auto& gap : missing_chunks(size, held)) {
      CAF_REQUIRE(at <= gap.first && gap.first < gap.end && gap.end <= size);
      CAF_REQUIRE(gap.end - gap.first <= chunk_bytes_max);
      for (auto byte : {gap.first, (gap.first + gap.end) / 2, gap.end - 1})
        CAF_REQUIRE(!is_held(byte));
      for (auto byte : {at, gap.first - 1})
        CAF_REQUIRE(at == gap.first || is_held(byte));
      at = gap.end;
    }
    CAF_REQUIRE(at == size || (is_held(at) && is_held(size - 1)));
  }
}

CAF_TEST(lines are read as they were written) {
  const auto text = chunk_line({7, {0, 5}}) + chunk_line({1, {8, 9}}) + chunk_line({7, {5, 6}});
  const auto notes = read_chunks(text);
  CAF_REQUIRE_EQUAL(notes.size(), 2u);
  CAF_CHECK(notes.at(7) == (chunks{{0, 5}, {5, 6}}));
  CAF_CHECK(notes.at(1) == (chunks{{8, 9}}));
}

CAF_TEST(what is no line is left out) {
  for (auto text : {"", "\n", "1 2 3", "1 2\n", "1 2 3 4\n", "x 2 3\n", "1 -2 3\n", "1 3 3\n",
                    "1 3 2\n", "1  2 3\n", "99999999999999999999999 1 2\n"})
    CAF_CHECK(read_chunks(text).empty());
  CAF_CHECK_EQUAL(read_chunks("junk\n1 2 3\n4 5").size(), 1u);
}
