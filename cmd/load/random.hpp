// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::load {

/// A well mixed number from any other. @source Sebastiano Vigna, splitmix64.
constexpr uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Fast random numbers that a seed repeats. Not for secrets.
class random_source {
public:
  explicit random_source(uint64_t seed) : state_{mixed(seed)} {}

  uint64_t next() { return mixed(state_++); }

  /// 0..bound-1; `bound` is positive and below 2^32.
  uint64_t below(uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

  /// True in so many of a hundred cases.
  bool percent(unsigned chance) { return chance > 0 && below(100) < chance; }

private:
  uint64_t state_;
};

} // namespace shoal::load
