// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace shoal::cli {

/// One line on stderr that shows how far long work is. Silent unless stderr is a terminal. The
/// line is ended, complete or not, when the object goes.
class progress_bar {
public:
  /// @param label e.g. "Hashing".
  /// @param visible false silences it even on a terminal.
  progress_bar(std::string label, uint64_t total_bytes, bool visible);
  ~progress_bar();

  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// Cheap: redraws for another percent, else at most ten times per second. News may be the last
  /// for long.
  void update(uint64_t done_bytes);

private:
  using clock = std::chrono::steady_clock;

  unsigned percent() const;
  void draw(clock::time_point now);

  std::string label_;
  uint64_t total_;
  uint64_t done_ = 0;
  bool visible_;
  clock::time_point started_;
  clock::time_point drawn_;
  unsigned drawn_percent_ = 0;
};

} // namespace shoal::cli
