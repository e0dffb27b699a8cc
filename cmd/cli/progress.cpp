// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/progress.hpp"

#include "cmd/cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace shoal::cli {

namespace {

constexpr auto redraw_period = std::chrono::milliseconds(100);
constexpr size_t bar_columns = 24;

std::string duration_text(double seconds) {
  const auto whole = static_cast<uint64_t>(seconds);
  if (whole >= 3600)
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60)
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

} // namespace

progress_bar::progress_bar(std::string label, uint64_t total_bytes, bool visible)
    : label_(std::move(label)), total_(total_bytes), visible_(visible && ::isatty(STDERR_FILENO)),
      started_(clock::now()), drawn_(started_) {
  if (visible_)
    draw(started_);
}

progress_bar::~progress_bar() {
  if (!visible_)
    return;
  draw(clock::now());
  fmt::print(stderr, "\n");
}

void progress_bar::update(uint64_t done_bytes) {
  done_ = done_bytes;
  const auto now = clock::now();
  if (visible_ && (now - drawn_ >= redraw_period || percent() != drawn_percent_))
    draw(now);
}

unsigned progress_bar::percent() const {
  return total_ == 0 ? 100
                     : static_cast<unsigned>(static_cast<double>(std::min(done_, total_)) * 100
                                             / static_cast<double>(total_));
}

void progress_bar::draw(clock::time_point now) {
  drawn_ = now;
  drawn_percent_ = percent();
  const double part
      = total_ == 0 ? 1.0
                    : static_cast<double>(std::min(done_, total_)) / static_cast<double>(total_);
  const auto filled = static_cast<size_t>(part * bar_columns);
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  const double rate = elapsed > 0.2 ? static_cast<double>(done_) / elapsed : 0;
  std::string tail;
  if (rate > 0) {
    tail = fmt::format("  {}/s", human_size(static_cast<uint64_t>(rate)));
    if (done_ < total_)
      tail += fmt::format("  {} left", duration_text(static_cast<double>(total_ - done_) / rate));
  }
  // "\x1b[K" clears what a longer line before may have left.
  fmt::print(stderr, "\r{:<10} [{}{}] {:3.0f}%  {} of {}{}\x1b[K", label_, std::string(filled, '='),
             std::string(bar_columns - filled, ' '), part * 100, human_size(done_),
             human_size(total_), tail);
  std::fflush(stderr);
}

} // namespace shoal::cli
