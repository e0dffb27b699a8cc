// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/local_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace shoal::cli {

outcome<output_file> output_file::create(const std::string& path) {
  if (path == "-")
    return output_file(stdout, "stdout", "");
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkstemp(temporary.data());
  if (fd < 0)
    return refuse(exit_code::local_trouble, "cannot write " + path + ": " + std::strerror(errno));
  const auto mask = ::umask(0); // mkstemp makes it private; others get what the user allows.
  ::umask(mask);
  ::fchmod(fd, 0666 & ~mask);
  return output_file(::fdopen(fd, "wb"), path, temporary);
}

output_file::output_file(output_file&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)) {}

output_file::~output_file() {
  if (file_ == nullptr || temporary_.empty())
    return;
  std::fclose(file_);
  ::unlink(temporary_.c_str());
}

bool output_file::write(std::string_view bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
}

failure output_file::trouble() const {
  return {exit_code::local_trouble, "cannot write " + path_ + ": " + std::strerror(errno)};
}

outcome<void> output_file::finish() {
  if (std::fflush(file_) != 0 || std::ferror(file_) != 0)
    return tl::unexpected<failure>(trouble());
  if (!temporary_.empty() && std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return tl::unexpected<failure>(trouble());
  if (!temporary_.empty())
    std::fclose(file_);
  file_ = nullptr;
  return {};
}

outcome<void> write_file(const std::string& path, std::string_view bytes) {
  auto file = output_file::create(path);
  if (!file)
    return tl::unexpected<failure>(file.error());
  file->write(bytes); // `finish` reports what goes wrong.
  return file->finish();
}

} // namespace shoal::cli
