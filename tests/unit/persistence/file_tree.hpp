// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/support/temp_folder.hpp"

#include <fstream>
#include <random>
#include <string>

namespace shoal::test {

/// A folder "rev" of files in a place of its own; all gone with the object.
class file_tree {
public:
  file_tree() { std::filesystem::create_directory(root()); }

  std::string base() const { return base_.path().string(); }
  std::string root() const { return (base_.path() / "rev").string(); }
  std::string at(const std::string& path) const { return root() + "/" + path; }

  void write(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary) << bytes;
  }

  /// Writes bytes that depend on the path and size alone.
  void fill(const std::string& path, size_t size_bytes) {
    std::mt19937_64 random(std::hash<std::string>{}(path) ^ size_bytes);
    std::string bytes(size_bytes, '\0');
    for (size_t i = 0; i < size_bytes; i += 8) {
      const auto word = random();
      bytes.replace(i, std::min<size_t>(8, size_bytes - i), reinterpret_cast<const char*>(&word),
                    std::min<size_t>(8, size_bytes - i));
    }
    write(path, bytes);
  }

private:
  temp_folder base_;
};

} // namespace shoal::test
