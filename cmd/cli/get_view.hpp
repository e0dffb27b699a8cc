// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::cli {

/// A file that is under way.
struct file_progress {
  std::string path;
  uint64_t done_bytes = 0;
  uint64_t size_bytes = 0;
};

/// How far a download is.
struct download_progress {
  std::string doing = "downloading"; ///< Or "checking", "verifying", "seeding".
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;
  uint64_t bytes_per_second = 0;
  size_t files_done = 0;
  size_t files = 0;
  int peers = 0;
  uint64_t sent_bytes = 0;
  std::vector<file_progress> active; ///< Some of the files under way.
};

/// Shows a download: bars for each file and for all on a terminal, lines of JSON for machines.
class download_view {
public:
  explicit download_view(const context& ctx);
  ~download_view();

  download_view(const download_view&) = delete;
  download_view& operator=(const download_view&) = delete;

  /// Cheap: shows something new at most ten times per second, or once as JSON.
  void update(const download_progress& progress);

  /// Whether the next `update` shows something, so that what it needs is worth to be found out.
  bool is_due() const;

  /// A file is in its place. @param known it was there before.
  void placed(const std::string& path, uint64_t size_bytes, const std::string& sha256, bool known);

  /// Something that the user may want to know.
  void note(const std::string& text);

  /// The line of JSON, as it is.
  void event(nlohmann::json line);

private:
  using clock = std::chrono::steady_clock;

  void draw(const download_progress& progress);
  void erase();

  bool json_;
  bool quiet_;
  bool bars_; ///< Somebody looks.
  clock::time_point shown_{};
  size_t lines_drawn_ = 0;
};

} // namespace shoal::cli
