// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/get_view.hpp"

#include "cmd/cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace shoal::cli {

namespace {

constexpr auto redraw_period = std::chrono::milliseconds(100);
constexpr auto line_period = std::chrono::seconds(1);
constexpr size_t bar_columns = 24;
constexpr size_t name_columns = 32;

std::string bar(uint64_t done, uint64_t total) {
  const double part = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<size_t>(std::clamp(part, 0.0, 1.0) * bar_columns);
  return fmt::format("[{}{}] {:3.0f}%", std::string(filled, '='),
                     std::string(bar_columns - filled, ' '), std::clamp(part, 0.0, 1.0) * 100);
}

/// The end of a path says more than its beginning.
std::string shortened(const std::string& path) {
  auto text = safe_text(path);
  if (text.size() <= name_columns)
    return text;
  auto from = text.size() - name_columns + 2;
  while (from < text.size() && (text[from] & 0xc0) == 0x80) // Not within a character.
    ++from;
  return ".." + text.substr(from);
}

std::string left_text(const download_progress& progress) {
  if (progress.bytes_per_second == 0 || progress.done_bytes >= progress.total_bytes)
    return {};
  const auto seconds = (progress.total_bytes - progress.done_bytes) / progress.bytes_per_second;
  return seconds >= 3600 ? fmt::format("  {}h{:02}m left", seconds / 3600, seconds / 60 % 60)
         : seconds >= 60 ? fmt::format("  {}m{:02}s left", seconds / 60, seconds % 60)
                         : fmt::format("  {}s left", seconds);
}

std::string line_of(const file_progress& file) {
  return fmt::format("  {:<{}} {}  {}", shortened(file.path), name_columns,
                     bar(file.done_bytes, file.size_bytes), human_size(file.size_bytes));
}

} // namespace

download_view::download_view(const context& ctx)
    : json_(ctx.json), quiet_(ctx.quiet),
      bars_(ctx.wants_progress() && ::isatty(STDERR_FILENO) != 0) {}

download_view::~download_view() {
  erase();
}

bool download_view::is_due() const {
  const auto period = json_ ? clock::duration(line_period) : clock::duration(redraw_period);
  return (json_ || bars_) && clock::now() - shown_ >= period;
}

void download_view::update(const download_progress& progress) {
  if (!is_due())
    return;
  shown_ = clock::now();
  if (json_)
    event({{"event", "progress"},
           {"doing", progress.doing},
           {"bytes", progress.done_bytes},
           {"total_bytes", progress.total_bytes},
           {"bytes_per_second", progress.bytes_per_second},
           {"files_done", progress.files_done},
           {"files", progress.files},
           {"peers", progress.peers},
           {"sent_bytes", progress.sent_bytes}});
  else
    draw(progress);
}

void download_view::placed(const std::string& path, uint64_t size_bytes, const std::string& sha256,
                           bool known) {
  if (json_) {
    nlohmann::json line{{"event", "file"}, {"path", path}, {"size", size_bytes}, {"known", known}};
    if (!sha256.empty())
      line["sha256"] = sha256;
    event(std::move(line));
    return;
  }
  if (quiet_)
    return;
  erase();
  fmt::print(stderr, "{} {}  {}\n", known ? "=" : "+", safe_text(path), human_size(size_bytes));
}

void download_view::note(const std::string& text) {
  if (json_) {
    event({{"event", "note"}, {"text", safe_text(text)}});
  } else if (!quiet_) {
    erase();
    fmt::print(stderr, "{}\n", safe_text(text));
  }
}

void download_view::event(nlohmann::json line) {
  if (!json_)
    return;
  fmt::print("{}\n", line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

/// Goes back over what was drawn.
void download_view::erase() {
  if (lines_drawn_ == 0)
    return;
  fmt::print(stderr, "\r\x1b[{}A\x1b[J", lines_drawn_);
  lines_drawn_ = 0;
}

void download_view::draw(const download_progress& progress) {
  std::string text;
  for (auto& file : progress.active)
    text += line_of(file) + "\n";
  text += fmt::format("{} {} of {} files  {}  {} of {}  {}/s  {} peers{}\n", progress.doing,
                      progress.files_done, progress.files,
                      bar(progress.done_bytes, progress.total_bytes),
                      human_size(progress.done_bytes), human_size(progress.total_bytes),
                      human_size(progress.bytes_per_second), progress.peers, left_text(progress));
  erase();
  fmt::print(stderr, "{}", text);
  std::fflush(stderr);
  lines_drawn_ = progress.active.size() + 1;
}

} // namespace shoal::cli
