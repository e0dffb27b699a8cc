// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

/// Thin wrappers over POSIX files that speak `result`.
namespace shoal {

/// Owns a file descriptor.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

  /// Leaves the descriptor to the caller.
  int release() { return std::exchange(fd_, -1); }

private:
  int fd_ = -1;
};

/// @returns ec::storage_full for a full disk or quota, else ec::storage_failed, with a detail such
/// as "cannot write /data/x: No space left on device".
error errno_error(int code, std::string_view doing, const std::filesystem::path& path);

/// open(2) with O_CLOEXEC, repeated when interrupted; new files get mode 0644.
result<unique_fd> open_file(const std::filesystem::path& path, int flags);

/// Writes all of the bytes at the current offset. `path` is for the error only.
result<void> write_all(int fd, std::span<const uint8_t> bytes, const std::filesystem::path& path);

/// @returns the bytes read into `out`; fewer than its size only at the end of the file.
result<size_t> read_full(int fd, std::span<uint8_t> out, const std::filesystem::path& path);

/// Waits until the file's bytes are on disk.
result<void> sync_file(int fd, const std::filesystem::path& path);

/// Waits until a folder's names are on disk: needed after create, rename and unlink.
result<void> sync_folder(const std::filesystem::path& folder);

/// Makes a folder with its parents; names that are new are on disk afterwards.
result<void> make_folder(const std::filesystem::path& folder);

/// @returns the bytes that an unprivileged process may still write there, 0 if unknown.
uint64_t disk_available_bytes(const std::filesystem::path& path);

} // namespace shoal
