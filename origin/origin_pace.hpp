// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/byte_debt.hpp"

namespace shoal::origin {

/// How fast bodies may come from one origin, all requests together. What comes is taken out of a
/// bucket, and while that is in debt nobody reads on: the origin is slowed down by its own window.
/// Pure: time is passed in. One thread at a time.
class origin_pace {
public:
  /// Comes at once after a rest.
  static constexpr std::chrono::milliseconds slack{200};

  /// @param bytes_per_second 0: no limit.
  explicit origin_pace(uint64_t bytes_per_second) : rate_{bytes_per_second} {}

  bool is_open(mono_time now) const { return rate_ == 0 || due_ <= byte_debt::nanoseconds(now); }

  /// @returns how long until it is open.
  std::chrono::nanoseconds closed_for(mono_time now) const {
    if (is_open(now))
      return {};
    return std::chrono::nanoseconds{due_ - byte_debt::nanoseconds(now)};
  }

  void took(uint64_t bytes, mono_time now) {
    if (rate_ > 0)
      byte_debt::take(due_, byte_debt::nanoseconds(now), byte_debt::cost_ns(bytes, rate_),
                      std::chrono::nanoseconds{slack}.count());
  }

private:
  uint64_t rate_;
  int64_t due_ = 0;
};

} // namespace shoal::origin
