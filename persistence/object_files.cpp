// SPDX-License-Identifier: Apache-2.0
#include "persistence/object_files.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace fs = std::filesystem;

struct object_files::state {
  state(const fs::path& root, const object_folders& names)
      : objects(root / names.objects), incoming(root / names.incoming) {}

  fs::path objects;
  fs::path incoming;
  std::atomic<uint64_t> serial{0};

  /// Taken for the moment in which a name comes or goes, so that `sum` is exact.
  std::mutex names_mutex;
  totals sum;

  fs::path path_of(const sha256_digest& digest) const {
    auto hex = digest.hex();
    return objects / hex.substr(0, 2) / hex.substr(2, 2) / hex;
  }

  void add_up();
  result<void> publish(const fs::path& temp, const fs::path& target);
  result<void> depart(const fs::path& from, const fs::path& target);
};

namespace {

std::optional<uint64_t> size_on_disk(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  return static_cast<uint64_t>(info.st_size);
}

/// @returns the size of a file of ours; nothing for a link.
std::optional<uint64_t> own_size(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  return static_cast<uint64_t>(info.st_size);
}

result<void> clear_folder(const fs::path& folder) {
  std::error_code failure;
  for (const auto& item : fs::directory_iterator(folder, failure)) {
    std::error_code ignored; // One that stays costs space, not correctness.
    fs::remove(item.path(), ignored);
  }
  if (failure)
    return tl::unexpected(errno_error(failure.value(), "list", folder));
  return {};
}

/// Takes the blocks now, so that a full disk shows before the first byte.
result<void> reserve(int fd, uint64_t size_bytes, const fs::path& path) {
  if (size_bytes == 0)
    return {};
  if (::fallocate(fd, 0, 0, static_cast<off_t>(size_bytes)) == 0)
    return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS)
    return {}; // The write that does not fit will say so.
  return tl::unexpected(errno_error(errno, "reserve", path));
}

} // namespace

void object_files::state::add_up() {
  std::error_code ignored;
  fs::recursive_directory_iterator it(objects, ignored);
  for (; !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored)) {
    if (it.depth() != 2 || !sha256_digest::from_hex(it->path().filename().string()))
      continue;
    if (auto size_bytes = own_size(it->path())) {
      sum.bytes += *size_bytes;
      ++sum.count;
    }
  }
}

result<void> object_files::state::publish(const fs::path& temp, const fs::path& target) {
  auto folder = target.parent_path();
  if (auto made = make_folder(folder); !made)
    return made;
  {
    std::lock_guard lock(names_mutex);
    auto before = own_size(target);
    auto after = own_size(temp);
    if (::rename(temp.c_str(), target.c_str()) != 0)
      return tl::unexpected(errno_error(errno, "rename to", target));
    sum.bytes += after.value_or(0) - before.value_or(0);
    sum.count += (after ? 1u : 0u) - (before ? 1u : 0u);
  }
  return sync_folder(folder);
}

/// Renames, or removes if there is no target.
result<void> object_files::state::depart(const fs::path& from, const fs::path& target) {
  std::lock_guard lock(names_mutex);
  auto size_bytes = own_size(from);
  auto failed = target.empty() ? ::unlink(from.c_str()) : ::rename(from.c_str(), target.c_str());
  if (failed && errno == ENOENT)
    return fail(ec::not_found, from.string());
  if (failed)
    return tl::unexpected(errno_error(errno, "take away", from));
  sum.bytes -= size_bytes.value_or(0);
  sum.count -= size_bytes ? 1 : 0;
  return {};
}

// -- object_files ----------------------------------------------------------------

object_files::object_files(std::shared_ptr<state> s) : state_(std::move(s)) {}

object_files::~object_files() = default;

result<std::unique_ptr<object_files>> object_files::open(const fs::path& root,
                                                         const object_folders& names) {
  auto s = std::make_shared<state>(root, names);
  for (const auto& folder : {s->objects, s->incoming})
    if (auto made = make_folder(folder); !made)
      return tl::unexpected(made.error());
  if (auto cleared = clear_folder(s->incoming); !cleared)
    return tl::unexpected(cleared.error());
  s->add_up();
  return std::unique_ptr<object_files>(new object_files(std::move(s)));
}

fs::path object_files::path_of(const sha256_digest& digest) const {
  return state_->path_of(digest);
}

std::optional<uint64_t> object_files::size(const sha256_digest& digest) const {
  return size_on_disk(path_of(digest));
}

result<object_files::upload> object_files::begin(std::optional<uint64_t> expected_size_bytes) {
  if (expected_size_bytes.value_or(0) > limits::object_bytes_max)
    return fail(ec::too_large, std::to_string(*expected_size_bytes) + " bytes");
  auto temp = state_->incoming / std::to_string(state_->serial++);
  auto fd = open_file(temp, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd)
    return tl::unexpected(fd.error());
  upload out;
  out.state_ = state_;
  out.temp_ = temp;
  out.fd_ = std::move(*fd);
  out.expected_size_ = expected_size_bytes;
  if (auto reserved = reserve(out.fd_.get(), expected_size_bytes.value_or(0), temp); !reserved)
    return tl::unexpected(reserved.error());
  return out;
}

result<sha256_digest> object_files::put(std::string_view bytes) {
  auto incoming = begin(bytes.size());
  if (!incoming)
    return tl::unexpected(incoming.error());
  if (auto appended = incoming->append(as_bytes(bytes)); !appended)
    return tl::unexpected(appended.error());
  return incoming->finish();
}

result<std::string> object_files::read(const sha256_digest& digest, uint64_t max_bytes) const {
  auto path = path_of(digest);
  auto size_bytes = size_on_disk(path);
  if (!size_bytes)
    return fail(ec::not_found, "object " + digest.hex());
  if (*size_bytes > max_bytes)
    return fail(ec::too_large,
                "object " + digest.hex() + " has " + std::to_string(*size_bytes) + " bytes");
  auto fd = open_file(path, O_RDONLY);
  if (!fd)
    return tl::unexpected(fd.error());
  std::string bytes(*size_bytes, '\0');
  auto got = read_full(fd->get(), {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, path);
  if (!got)
    return tl::unexpected(got.error());
  if (*got != bytes.size() || sha256(bytes) != digest)
    return fail(ec::corrupt, path.string() + " does not hash to its name");
  return bytes;
}

result<void> object_files::remove(const sha256_digest& digest) {
  auto path = path_of(digest);
  auto gone = state_->depart(path, {});
  if (!gone && gone.error().code == ec::not_found)
    return {};
  return gone ? sync_folder(path.parent_path()) : gone;
}

result<void> object_files::take(const fs::path& file, const sha256_digest& digest) {
  return state_->publish(file, path_of(digest));
}

result<void> object_files::link(const fs::path& file, const sha256_digest& digest) {
  auto temp = state_->incoming / std::to_string(state_->serial++);
  if (::symlink(file.c_str(), temp.c_str()) != 0)
    return tl::unexpected(errno_error(errno, "link to", file));
  auto published = state_->publish(temp, path_of(digest));
  if (!published)
    ::unlink(temp.c_str());
  return published;
}

result<void> object_files::move_to(object_files& other, const sha256_digest& digest) {
  auto from = path_of(digest);
  auto target = other.path_of(digest);
  if (auto made = make_folder(target.parent_path()); !made)
    return made;
  {
    std::scoped_lock lock(state_->names_mutex, other.state_->names_mutex);
    auto before = own_size(target);
    auto size_bytes = own_size(from);
    if (::rename(from.c_str(), target.c_str()) != 0)
      return errno == ENOENT ? result<void>(fail(ec::not_found, from.string()))
                             : tl::unexpected(errno_error(errno, "rename to", target));
    state_->sum.bytes -= size_bytes.value_or(0);
    state_->sum.count -= size_bytes ? 1 : 0;
    other.state_->sum.bytes += size_bytes.value_or(0) - before.value_or(0);
    other.state_->sum.count += (size_bytes ? 1u : 0u) - (before ? 1u : 0u);
  }
  auto synced = sync_folder(target.parent_path());
  return synced ? sync_folder(from.parent_path()) : synced;
}

result<void> object_files::move_to(const fs::path& file, const sha256_digest& digest) {
  auto path = path_of(digest);
  if (auto moved = state_->depart(path, file); !moved)
    return moved;
  auto synced = sync_folder(file.parent_path());
  return synced ? sync_folder(path.parent_path()) : synced;
}

result<std::vector<object_files::listed>> object_files::list(uint8_t first_byte) const {
  auto folder = state_->objects / to_hex({&first_byte, 1});
  std::vector<listed> found;
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    return found;
  fs::recursive_directory_iterator it(folder, failure);
  for (; !failure && it != fs::recursive_directory_iterator(); it.increment(failure)) {
    auto digest = sha256_digest::from_hex(it->path().filename().string());
    auto size_bytes = digest && it.depth() == 1 ? size_on_disk(it->path()) : std::nullopt;
    struct stat info {};
    if (size_bytes && ::lstat(it->path().c_str(), &info) == 0)
      found.push_back({*digest, *size_bytes, info.st_ctime, S_ISLNK(info.st_mode)});
  }
  if (failure)
    return tl::unexpected(errno_error(failure.value(), "list", folder));
  std::sort(found.begin(), found.end(),
            [](const listed& a, const listed& b) { return a.object < b.object; });
  return found;
}

object_files::totals object_files::usage() const {
  std::lock_guard lock(state_->names_mutex);
  return state_->sum;
}

// -- upload ------------------------------------------------------------------------

object_files::upload& object_files::upload::operator=(upload&& other) noexcept {
  if (this != &other) {
    discard();
    state_ = std::move(other.state_);
    temp_ = std::exchange(other.temp_, {});
    fd_ = std::move(other.fd_);
    hasher_ = std::move(other.hasher_);
    expected_size_ = other.expected_size_;
    size_ = other.size_;
  }
  return *this;
}

object_files::upload::~upload() {
  discard();
}

void object_files::upload::discard() {
  fd_.reset();
  if (!temp_.empty())
    ::unlink(temp_.c_str());
  temp_.clear();
}

result<void> object_files::upload::append(std::span<const uint8_t> bytes) {
  SHOAL_CHECK(fd_);
  if (bytes.size() > expected_size_.value_or(limits::object_bytes_max) - size_)
    return fail(ec::too_large, "more bytes than were announced");
  if (auto written = write_all(fd_.get(), bytes, temp_); !written)
    return written;
  hasher_.update(bytes);
  size_ += bytes.size();
  return {};
}

result<sha256_digest> object_files::upload::finish(const std::optional<sha256_digest>& expected) {
  SHOAL_CHECK(fd_);
  auto digest = hasher_.finish();
  auto complete = [&]() -> result<void> {
    if (expected_size_ && size_ != *expected_size_)
      return fail(ec::hash_mismatch, std::to_string(size_) + " bytes came, "
                                         + std::to_string(*expected_size_) + " were announced");
    if (expected && digest != *expected)
      return fail(ec::hash_mismatch, "they hash to " + digest.hex());
    if (auto synced = sync_file(fd_.get(), temp_); !synced)
      return synced;
    return state_->publish(temp_, state_->path_of(digest));
  }();
  if (complete)
    temp_.clear();
  discard();
  if (!complete)
    return tl::unexpected(complete.error());
  return digest;
}

} // namespace shoal
