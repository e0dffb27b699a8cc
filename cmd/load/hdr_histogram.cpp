// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/hdr_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace shoal::load {

// With e = how far a value is shifted to be below 2^(sub_bits + 1), its bucket is
// e * 2^sub_bits + (value >> e): the halves above 2^sub_bits of all e follow each other.
constexpr size_t hdr_histogram::index_of(uint64_t value) {
  auto width = static_cast<unsigned>(std::bit_width(value));
  auto shift = width > sub_bits + 1 ? width - sub_bits - 1 : 0;
  return (size_t{shift} << sub_bits) + (value >> shift);
}

constexpr uint64_t hdr_histogram::last_value_in(size_t index) {
  if (index < size_t{2} << sub_bits)
    return index;
  auto shift = (index >> sub_bits) - 1;
  auto top = index - (shift << sub_bits);
  return ((uint64_t{top} + 1) << shift) - 1;
}

void hdr_histogram::record(uint64_t value_ns) {
  static_assert(index_of(value_max) == bucket_count - 1);
  static_assert(last_value_in(bucket_count - 1) == value_max);
  auto value = std::min(value_ns, value_max);
  ++buckets_[index_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void hdr_histogram::merge(const hdr_histogram& other) {
  for (size_t i = 0; i < bucket_count; ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double hdr_histogram::mean() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

uint64_t hdr_histogram::percentile(double percent) const {
  auto wanted = static_cast<uint64_t>(
      std::ceil(std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i];
    if (seen >= std::max<uint64_t>(wanted, 1))
      return std::min(last_value_in(i), max_);
  }
  return 0;
}

} // namespace shoal::load
