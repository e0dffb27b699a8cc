// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.hdr_histogram

#include "cmd/load/hdr_histogram.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

using namespace shoal::load;

namespace {

/// The percentile as everybody computes it who may keep all values.
uint64_t exact(const std::vector<uint64_t>& sorted, double percent) {
  auto rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[std::max(size_t{1}, static_cast<size_t>(rank)) - 1];
}

void check_against_exact(std::vector<uint64_t> values) {
  auto all = std::make_unique<hdr_histogram>();
  for (auto v : values)
    all->record(v);
  std::sort(values.begin(), values.end());
  CAF_CHECK_EQUAL(all->count(), values.size());
  CAF_CHECK_EQUAL(all->min(), values.front());
  CAF_CHECK_EQUAL(all->max(), values.back());
  for (auto percent : {0.0, 0.1, 1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    auto truth = exact(values, percent);
    auto told = all->percentile(percent);
    CAF_CHECK_GREATER_OR_EQUAL(told, truth);
    CAF_CHECK_LESS_OR_EQUAL(double(told), double(truth) * (1 + hdr_histogram::relative_error_max));
  }
}

} // namespace

CAF_TEST(percentiles of even values are those of the sorted list) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> values(20'000);
  for (auto& v : values)
    v = random() % 5'000'000;
  check_against_exact(values);
}

CAF_TEST(percentiles of values of any size are those of the sorted list) {
  std::mt19937_64 random(2);
  std::vector<uint64_t> values(20'000);
  for (auto& v : values)
    v = random() >> (27 + random() % 37);
  check_against_exact(values);
}

CAF_TEST(a long tail is not lost) {
  std::vector<uint64_t> values(9'999, 100'000);
  values.push_back(2'000'000'000);
  check_against_exact(values);
}

CAF_TEST(small values are exact) {
  auto all = std::make_unique<hdr_histogram>();
  for (uint64_t v = 0; v < 256; ++v)
    all->record(v);
  for (uint64_t v = 1; v <= 256; ++v)
    CAF_CHECK_EQUAL(all->percentile(double(v) / 256 * 100), v - 1);
}

CAF_TEST(values beyond the end count as the end) {
  auto all = std::make_unique<hdr_histogram>();
  all->record(UINT64_MAX);
  CAF_CHECK_EQUAL(all->percentile(50), hdr_histogram::value_max);
  CAF_CHECK_EQUAL(all->max(), hdr_histogram::value_max);
}

CAF_TEST(nothing has no percentiles) {
  auto all = std::make_unique<hdr_histogram>();
  CAF_CHECK_EQUAL(all->percentile(99), 0u);
  CAF_CHECK_EQUAL(all->min(), 0u);
  CAF_CHECK_EQUAL(all->max(), 0u);
  CAF_CHECK_EQUAL(all->mean(), 0.0);
}

CAF_TEST(two histograms become one) {
  auto one = std::make_unique<hdr_histogram>();
  auto two = std::make_unique<hdr_histogram>();
  auto both = std::make_unique<hdr_histogram>();
  for (uint64_t v = 1; v < 100'000; v += 7) {
    (v % 3 == 0 ? one : two)->record(v * v);
    both->record(v * v);
  }
  one->merge(*two);
  CAF_CHECK_EQUAL(one->count(), both->count());
  CAF_CHECK_EQUAL(one->min(), both->min());
  CAF_CHECK_EQUAL(one->max(), both->max());
  CAF_CHECK_EQUAL(one->mean(), both->mean());
  for (auto percent : {1.0, 50.0, 99.9})
    CAF_CHECK_EQUAL(one->percentile(percent), both->percentile(percent));
}
