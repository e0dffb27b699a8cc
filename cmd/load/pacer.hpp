// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <algorithm>
#include <optional>

namespace shoal::load {

/// Bounds what one thread sends: by time, by number, and by rate. Time is passed in.
class pacer {
public:
  /// @param rate per second; 0 is no bound. @param requests in all; 0 is no bound.
  pacer(mono_time begin, std::optional<mono_time> end, double rate, uint64_t requests)
      : begin_{begin}, end_{end}, rate_{rate}, left_{requests == 0 ? UINT64_MAX : requests} {}

  /// Nothing will be allowed any more.
  bool over(mono_time now) const { return left_ == 0 || (end_ && now >= *end_); }

  /// How many may be sent now. What a stalled server has missed is made up for, but not by more
  /// than a tenth of a second's worth at once.
  uint64_t allowance(mono_time now) {
    if (over(now))
      return 0;
    if (rate_ <= 0)
      return left_;
    auto due = std::chrono::duration<double>(now - begin_).count() * rate_;
    due = std::min(due - missed_, static_cast<double>(spent_) + std::max(1.0, rate_ / 10));
    missed_ = std::chrono::duration<double>(now - begin_).count() * rate_ - due;
    auto free = due - static_cast<double>(spent_) + 1e-6; // What rounding took.
    return free < 1 ? 0 : std::min(left_, static_cast<uint64_t>(free));
  }

  void spend(uint64_t count) {
    left_ -= count;
    spent_ += count;
  }

  /// When the rate allows the next one; at most 50 ms away.
  std::chrono::nanoseconds wait(mono_time now) {
    constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds{50};
    if (rate_ <= 0 || over(now))
      return longest;
    auto elapsed = std::chrono::duration<double>(now - begin_).count();
    auto due = (static_cast<double>(spent_) + missed_ + 1) / rate_ - elapsed;
    return std::clamp(std::chrono::nanoseconds{static_cast<int64_t>(due * 1e9)},
                      std::chrono::nanoseconds{0}, longest);
  }

private:
  mono_time begin_;
  std::optional<mono_time> end_;
  double rate_;
  uint64_t left_;
  uint64_t spent_ = 0;
  double missed_ = 0; ///< Requests that the bound on bursts has dropped.
};

} // namespace shoal::load
