// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace shoal::test {

/// A folder "rev" of files in a place of its own; all gone with the object.
class file_tree {
public:
  file_tree() {
    auto pattern = (std::filesystem::temp_directory_path() / "shoal-tree-XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(root());
  }
  ~file_tree() { std::filesystem::remove_all(base_); }
  file_tree(const file_tree&) = delete;
  file_tree& operator=(const file_tree&) = delete;

  std::string base() const { return base_.string(); }
  std::string root() const { return (base_ / "rev").string(); }
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
  std::filesystem::path base_;
};

} // namespace shoal::test
