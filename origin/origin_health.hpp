// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "origin/origin_client.hpp"

#include <mutex>
#include <vector>

namespace shoal::origin {

/// Which of several origins have failed lately, so that the others are asked first. An origin that
/// fails rests for a while, longer each time, and is well again with its first answer; nobody is
/// left out, as the last one that is left may be asked at any time. Thread-safe; time is passed in.
class origin_health {
public:
  /// Of one that failed; twice as long each time that it fails again, at most the second.
  static constexpr std::chrono::seconds rest{10};
  static constexpr std::chrono::seconds rest_max{300};

  explicit origin_health(size_t count) : known_(count) {}

  void note_answer(size_t origin);

  /// Failures that say nothing about the origin change nothing.
  void note_failure(size_t origin, const failure& why, mono_time now);

  bool is_well(size_t origin, mono_time now) const;

  /// All origins in the order in which they are to be asked: as they were given, but those that
  /// rest last.
  std::vector<size_t> order(mono_time now) const;

private:
  struct known {
    unsigned failures = 0; ///< One after the other.
    mono_time well_at{};
  };

  mutable std::mutex mutex_;
  std::vector<known> known_;
};

} // namespace shoal::origin
