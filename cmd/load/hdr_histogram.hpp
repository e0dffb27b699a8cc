// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace shoal::load {

/// Counts durations in fixed memory with a bounded relative error, so that the last percentile is
/// as good as the first. Values below 256 ns are exact; others fall into buckets no wider than
/// 1/128 of their value. What is above `value_max` counts as `value_max`.
/// @source Gil Tene, HdrHistogram: linear buckets inside of powers of two.
class hdr_histogram {
public:
  static constexpr unsigned sub_bits = 7;
  static constexpr uint64_t value_max = (uint64_t{1} << 37) - 1; ///< About 137 s in nanoseconds.
  static constexpr double relative_error_max = 1.0 / (1 << sub_bits);

  void record(uint64_t value_ns);

  /// Adds what another thread has counted.
  void merge(const hdr_histogram& other);

  uint64_t count() const { return count_; }

  uint64_t min() const { return count_ == 0 ? 0 : min_; }

  uint64_t max() const { return max_; }

  double mean() const;

  /// @param percent 0..100.
  /// @returns a value that at least so many percent of all values do not exceed, at most
  /// `relative_error_max` above the smallest such value; 0 if nothing was recorded.
  uint64_t percentile(double percent) const;

private:
  static constexpr size_t index_of(uint64_t value);
  static constexpr uint64_t last_value_in(size_t index);

  static constexpr size_t bucket_count
      = (size_t{37 - sub_bits - 1} << sub_bits) + (size_t{2} << sub_bits);
  std::array<uint64_t, bucket_count> buckets_{};
  uint64_t count_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  double sum_ = 0;
};

} // namespace shoal::load
