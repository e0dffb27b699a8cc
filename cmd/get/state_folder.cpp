// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/state_folder.hpp"

#include "core/limits.hpp"
#include "protocol/digest.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace shoal::get {

namespace {

namespace fs = std::filesystem;

constexpr size_t placed_bytes_max = limits::files_per_revision_max * size_t{512};

/// Takes the next word of a line. @returns whether it is a number.
template <class Number>
bool take_number(std::string_view& line, Number& out) {
  const auto [rest, err] = std::from_chars(line.data(), line.data() + line.size(), out);
  const auto used = static_cast<size_t>(rest - line.data());
  if (err != std::errc{} || used >= line.size() || line[used] != ' ')
    return false;
  line.remove_prefix(used + 1);
  return true;
}

/// "SIZE MTIME SHA256 PATH"; paths may hold anything but a line break, which is escaped.
std::string line_of(const std::string& path, const placed_file& file) {
  auto line = std::to_string(file.size_bytes) + " " + std::to_string(file.mtime_ns) + " "
              + file.sha256 + " ";
  for (char c : path)
    line += c == '\n' ? std::string("\\n") : c == '\\' ? std::string("\\\\") : std::string(1, c);
  return line + "\n";
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 1 < text.size();
    i += is_escape ? 1 : 0;
    out += is_escape && text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

} // namespace

std::string state_key(std::string_view what) {
  return sha256(what).hex().substr(0, 16);
}

std::optional<placed_file> look_at(const fs::path& file, std::string sha256) {
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode))
    return std::nullopt;
  return placed_file{static_cast<uint64_t>(st.st_size),
                     int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec,
                     std::move(sha256)};
}

result<state_folder> state_folder::open(const fs::path& root, const std::string& key) {
  auto path = root / ".shoal" / key;
  if (auto made = make_folder(path / "parts"); !made)
    return tl::make_unexpected(made.error());
  auto lock = open_file(path / "lock", O_RDWR | O_CREAT);
  if (!lock)
    return tl::make_unexpected(lock.error());
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK
               ? result<state_folder>(
                   fail(ec::busy, "another download is at work in " + root.string()))
               : tl::make_unexpected(errno_error(errno, "cannot lock", path / "lock"));
  return state_folder(std::move(path), std::move(*lock));
}

state_folder::state_folder(fs::path path, unique_fd lock)
    : path_(std::move(path)), lock_(std::move(lock)) {
  load_placed();
}

fs::path state_folder::part(size_t index) const {
  return path_ / "parts" / std::to_string(index);
}

std::string state_folder::load(std::string_view name, size_t max) const {
  const auto path = path_ / name;
  auto file = open_file(path, O_RDONLY);
  struct stat st {};
  if (!file || ::fstat(file->get(), &st) != 0 || static_cast<size_t>(st.st_size) > max)
    return {};
  std::string bytes(static_cast<size_t>(st.st_size), '\0');
  auto got = read_full(file->get(), {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, path);
  bytes.resize(got ? *got : 0);
  return bytes;
}

result<void> state_folder::save(std::string_view name, std::string_view bytes) const {
  const auto path = path_ / name;
  const auto temporary = path_ / (std::string(name) + ".new");
  auto file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file)
    return tl::make_unexpected(file.error());
  if (auto ok = write_all(file->get(), as_bytes(bytes), temporary); !ok)
    return ok;
  if (auto ok = sync_file(file->get(), temporary); !ok)
    return ok;
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return tl::make_unexpected(errno_error(errno, "cannot write", path));
  return {};
}

result<void> state_folder::append(std::string_view name, std::string_view line) const {
  const auto path = path_ / name;
  auto out = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!out)
    return tl::make_unexpected(out.error());
  return write_all(out->get(), as_bytes(line), path);
}

void state_folder::remove(std::string_view name) const {
  std::error_code ignored;
  fs::remove(path_ / name, ignored);
}

void state_folder::remove_parts() const {
  std::error_code ignored;
  fs::remove_all(path_ / "parts", ignored);
  fs::create_directory(path_ / "parts", ignored);
}

void state_folder::load_placed() {
  const auto text = load("placed", placed_bytes_max);
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    auto line = std::string_view(text).substr(at, end - at);
    placed_file file;
    if (!take_number(line, file.size_bytes) || !take_number(line, file.mtime_ns))
      continue;
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos)
      continue;
    file.sha256 = line.substr(0, blank);
    placed_[unescaped(line.substr(blank + 1))] = file;
  }
}

result<void> state_folder::note_placed(const std::string& path, const placed_file& file) {
  if (auto known = placed_.find(path); known != placed_.end() && known->second == file)
    return {};
  if (auto ok = append("placed", line_of(path, file)); !ok)
    return ok;
  placed_[path] = file;
  return {};
}

} // namespace shoal::get
