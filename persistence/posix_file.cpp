// SPDX-License-Identifier: Apache-2.0
#include "persistence/posix_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace shoal {

void unique_fd::reset() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
}

namespace {

ec meaning(int code) {
  switch (code) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return ec::storage_full;
  case EMFILE:
  case ENFILE:
    return ec::busy; // Descriptors come back when others are done.
  default:
    return ec::storage_failed;
  }
}

} // namespace

error errno_error(int code, std::string_view doing, const std::filesystem::path& path) {
  std::string detail = "cannot ";
  detail += doing;
  detail += ' ';
  detail += path.string();
  detail += ": ";
  detail += std::generic_category().message(code);
  return error{meaning(code), std::move(detail)};
}

result<unique_fd> open_file(const std::filesystem::path& path, int flags) {
  for (;;) {
    auto fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd >= 0)
      return unique_fd(fd);
    if (errno != EINTR)
      return tl::unexpected(errno_error(errno, "open", path));
  }
}

result<void> write_all(int fd, std::span<const uint8_t> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    auto n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0)
      bytes = bytes.subspan(static_cast<size_t>(n));
    else if (errno != EINTR)
      return tl::unexpected(errno_error(errno, "write", path));
  }
  return {};
}

result<size_t> read_full(int fd, std::span<uint8_t> out, const std::filesystem::path& path) {
  size_t done = 0;
  while (done < out.size()) {
    auto n = ::read(fd, out.data() + done, out.size() - done);
    if (n == 0)
      break;
    if (n > 0)
      done += static_cast<size_t>(n);
    else if (errno != EINTR)
      return tl::unexpected(errno_error(errno, "read", path));
  }
  return done;
}

result<void> sync_file(int fd, const std::filesystem::path& path) {
  // Not repeated when it fails: the kernel may have dropped the dirty pages.
  if (::fsync(fd) != 0)
    return tl::unexpected(errno_error(errno, "sync", path));
  return {};
}

result<void> sync_folder(const std::filesystem::path& folder) {
  auto fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!fd)
    return tl::unexpected(std::move(fd.error()));
  return sync_file(fd->get(), folder);
}

result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (std::filesystem::is_directory(folder, failure))
    return {};
  auto parent = folder.parent_path();
  if (!parent.empty() && parent != folder)
    if (auto made = make_folder(parent); !made)
      return made;
  // create_directory is content with a folder that another thread made in between.
  std::filesystem::create_directory(folder, failure);
  if (failure)
    return tl::unexpected(errno_error(failure.value(), "make folder", folder));
  return sync_folder(parent.empty() ? std::filesystem::path(".") : parent);
}

uint64_t disk_available_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return 0;
  return uint64_t{info.f_bavail} * info.f_frsize;
}

} // namespace shoal
