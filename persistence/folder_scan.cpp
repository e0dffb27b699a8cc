// SPDX-License-Identifier: Apache-2.0
#include "persistence/folder_scan.hpp"

#include "core/hex.hpp"
#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/model_id.hpp"
#include "protocol/torrent_builder.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

namespace shoal {

namespace {

namespace fs = std::filesystem;

/// Makes any name printable: what is not plain ASCII becomes \xNN.
std::string printable(const std::string& text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      out += "\\x" + to_hex({&byte, 1});
  }
  return out;
}

tl::unexpected<error> system_trouble(const std::string& path, int code) {
  if (code == ENOENT)
    return fail(ec::not_found, path);
  return tl::make_unexpected(errno_error(code, "cannot read", path));
}

scanned_file describe(std::string path, std::string source, const struct stat& st) {
  return {std::move(path), std::move(source), static_cast<uint64_t>(st.st_size),
          int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
}

class scanner {
public:
  scanner(std::string root, link_policy links) : root_(std::move(root)), links_(links) {}

  result<void> folder(const std::string& source, const std::string& prefix) {
    auto entered = enter(source);
    if (!entered)
      return entered;
    // Names are collected first: an open iterator per level could use up the descriptors.
    std::vector<std::string> names;
    std::error_code err;
    for (fs::directory_iterator i(source, err), end; !err && i != end; i.increment(err))
      names.push_back(i->path().filename().string());
    if (err)
      return system_trouble(source, err.value());
    for (auto& name : names)
      if (auto ok = entry(source, prefix, name); !ok)
        return ok;
    open_.pop_back();
    return {};
  }

  std::vector<scanned_file> files;

private:
  /// Notes that we are inside of `source`; a folder inside of itself is a circle of links.
  result<void> enter(const std::string& source) {
    std::error_code err;
    auto real = fs::canonical(source, err).string();
    if (err)
      return system_trouble(source, err.value());
    if (std::find(open_.begin(), open_.end(), real) != open_.end())
      return fail(ec::invalid_argument, "symbolic links lead in a circle: " + source);
    open_.push_back(std::move(real));
    return {};
  }

  result<void> entry(const std::string& folder_source, const std::string& prefix,
                     const std::string& name) {
    const std::string path = prefix + name;
    if (path == ".shoal") // What `shoal get` keeps beside its files.
      return {};
    const std::string source = folder_source + "/" + name;
    if (!is_utf8(name))
      return fail(ec::invalid_argument, "the name is not UTF-8: " + printable(source));
    if (path == ".pad")
      return fail(ec::invalid_argument, "torrents reserve the name .pad: " + source);
    if (!is_safe_path(path))
      return fail(ec::invalid_argument, "the path is too long: " + source);
    struct stat st {};
    if (::lstat(source.c_str(), &st) != 0)
      return system_trouble(source, errno);
    if (S_ISLNK(st.st_mode))
      if (auto ok = follow(source, st); !ok)
        return ok;
    return visit(path, source, st);
  }

  result<void> follow(const std::string& link, struct stat& st) {
    std::error_code err;
    const auto target = fs::canonical(link, err).string();
    if (err)
      return fail(ec::invalid_argument, "the symbolic link leads nowhere: " + link);
    if (links_ == link_policy::inside && target != root_ && !target.starts_with(root_ + "/"))
      return fail(ec::invalid_argument, "the symbolic link leads outside: " + link);
    return ::stat(link.c_str(), &st) == 0 ? result<void>{} : system_trouble(link, errno);
  }

  result<void> visit(const std::string& path, const std::string& source, const struct stat& st) {
    if (S_ISDIR(st.st_mode))
      return folder(source, path + "/");
    if (!S_ISREG(st.st_mode))
      return fail(ec::invalid_argument, "neither a file nor a folder: " + source);
    if (files.size() == limits::files_per_revision_max)
      return fail(ec::too_large, "too many files in " + root_);
    files.push_back(describe(path, source, st));
    return {};
  }

  std::string root_; // Canonical.
  link_policy links_;
  std::vector<std::string> open_; // Canonical folders from the root to where we are.
};

result<std::vector<scanned_file>> single_file(const std::string& root, const struct stat& st) {
  auto name = fs::path(root).filename().string();
  if (!is_utf8(name))
    return fail(ec::invalid_argument, "the name is not UTF-8: " + printable(root));
  if (!S_ISREG(st.st_mode))
    return fail(ec::invalid_argument, "neither a file nor a folder: " + root);
  return std::vector{describe(std::move(name), root, st)};
}

result<std::vector<scanned_file>> list(const std::string& root, link_policy links) {
  struct stat st {};
  if (::stat(root.c_str(), &st) != 0)
    return system_trouble(root, errno);
  if (!S_ISDIR(st.st_mode))
    return single_file(root, st);
  std::error_code err;
  auto real = fs::canonical(root, err).string();
  if (err)
    return system_trouble(root, err.value());
  scanner scan(real, links);
  if (auto ok = scan.folder(real, ""); !ok)
    return tl::make_unexpected(ok.error());
  return std::move(scan.files);
}

} // namespace

result<folder_listing> scan_folder(const std::string& root, link_policy links) {
  auto files = list(root, links);
  if (!files)
    return tl::make_unexpected(files.error());
  folder_listing listing;
  listing.files = std::move(*files);
  std::sort(listing.files.begin(), listing.files.end(),
            [](auto& left, auto& right) { return path_less(left.path, right.path); });
  for (auto& file : listing.files)
    listing.total_size_bytes += file.size_bytes;
  if (listing.total_size_bytes == 0)
    return fail(ec::invalid_argument, "there is nothing to publish in " + root);
  return listing;
}

} // namespace shoal
