// SPDX-License-Identifier: Apache-2.0
#include "persistence/in_place_file.hpp"

#include "persistence/object_census.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

constexpr size_t buffer_bytes = 1 << 20;

bool is_below_any(const fs::path& file, const std::vector<fs::path>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
    std::error_code failed; // A folder that is not there has nothing.
    auto real = fs::canonical(folder, failed);
    return !failed && is_below(file, real);
  });
}

/// @returns whether the descriptor is of the file of that name. Whoever can write to a folder on
/// the way could have put a link there since the name was looked at.
bool leads_to(int fd, const fs::path& path) {
  std::error_code failed;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), failed) == path && !failed;
}

/// Waits until another change of the file would give it another time. Clocks of file systems tick a
/// few hundred times a second.
void let_time_pass(const fs::path& file) {
  constexpr auto tick = std::chrono::milliseconds(20);
  std::error_code failed;
  auto changed = fs::last_write_time(file, failed);
  auto age = fs::file_time_type::clock::now() - changed;
  if (!failed && age < tick && age > -tick)
    std::this_thread::sleep_for(tick);
}

} // namespace

bool is_below(const fs::path& file, const fs::path& folder) {
  auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return end == folder.end();
}

result<in_place_file> in_place_file::open(const fs::path& file,
                                          const std::vector<fs::path>& within) {
  std::error_code failed;
  in_place_file made;
  made.path_ = fs::canonical(file, failed);
  // The same words whether it is there or not: what lies outside is nobody's business.
  if (!within.empty() && (failed || !is_below_any(made.path_, within)))
    return fail(ec::invalid_argument,
                file.string() + " is not in a folder whose files may be served in place");
  if (failed || !fs::is_regular_file(made.path_, failed))
    return fail(ec::invalid_argument, file.string() + " is no regular file");
  if (::access(made.path_.c_str(), R_OK) != 0)
    return fail(ec::invalid_argument, "the node may not read " + made.path_.string());
  auto fd = open_file(made.path_, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (!fd)
    return tl::unexpected(fd.error());
  made.fd_ = std::move(*fd);
  let_time_pass(made.path_);
  auto before = stamp_of(made.fd_.get(), made.path_);
  if (!before || !leads_to(made.fd_.get(), made.path_))
    return fail(ec::invalid_argument, file.string() + " is no regular file");
  std::tie(made.before_, made.size_bytes_) = std::move(*before);
  return made;
}

result<bool> in_place_file::hash_some(uint64_t budget_bytes) {
  std::vector<uint8_t> buffer(std::min<uint64_t>(buffer_bytes, budget_bytes));
  while (budget_bytes > 0) {
    auto part = std::span(buffer).first(std::min<uint64_t>(buffer.size(), budget_bytes));
    auto n = read_full(fd_.get(), part, path_);
    if (!n)
      return tl::unexpected(n.error());
    hasher_.update(part.first(*n));
    hashed_bytes_ += *n;
    budget_bytes -= *n;
    if (*n < part.size())
      return true;
  }
  return hashed_bytes_ >= size_bytes_;
}

result<sha256_digest> in_place_file::finish() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0 || now.st_ino != before_.inode
      || hashed_bytes_ != size_bytes_ || !is_unchanged(before_, size_bytes_, fd_.get()))
    return fail(ec::conflict, path_.string() + " is being changed");
  if (!digest_)
    digest_ = hasher_.finish();
  return *digest_;
}

} // namespace shoal
