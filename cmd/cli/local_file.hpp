// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/failure.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace shoal::cli {

/// A file that appears under its name only when it is complete. "-" is stdout.
class output_file {
public:
  static outcome<output_file> create(const std::string& path);

  output_file(output_file&& other) noexcept;
  output_file& operator=(output_file&&) = delete;
  ~output_file(); ///< Without `finish`, nothing stays behind.

  bool write(std::string_view bytes);

  /// Gives the file its name.
  outcome<void> finish();

private:
  output_file(std::FILE* file, std::string path, std::string temporary)
      : file_(file), path_(std::move(path)), temporary_(std::move(temporary)) {}

  failure trouble() const;

  std::FILE* file_;
  std::string path_;
  std::string temporary_; ///< Empty for stdout.
};

/// Writes a small file whole.
outcome<void> write_file(const std::string& path, std::string_view bytes);

} // namespace shoal::cli
