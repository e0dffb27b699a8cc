// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/hub_cache.hpp"

#include "core/hex.hpp"
#include "persistence/posix_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace shoal::get {

namespace fs = std::filesystem;

namespace {

fs::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Gives `made` the name `to`, whatever has it now.
result<void> take_name(const fs::path& made, const fs::path& to) {
  if (::rename(made.c_str(), to.c_str()) == 0)
    return {};
  const int code = errno;
  ::unlink(made.c_str());
  return tl::make_unexpected(errno_error(code, "cannot write", to));
}

} // namespace

hub_cache::hub_cache(const fs::path& cache, std::string_view kind, const model_id& id) {
  auto folder = std::string(kind) + "s--";
  if (!id.ns.empty())
    folder += id.ns + "--";
  root_ = cache / (folder + id.name);
}

fs::path hub_cache::default_folder() {
  if (auto cache = variable("HF_HUB_CACHE"); !cache.empty())
    return cache;
  if (auto home = variable("HF_HOME"); !home.empty())
    return home / "hub";
  auto cache = variable("XDG_CACHE_HOME");
  return (cache.empty() ? variable("HOME") / ".cache" : cache) / "huggingface" / "hub";
}

result<void> hub_cache::link(std::string_view commit, std::string_view path,
                             std::string_view etag) const {
  const auto to = snapshot(commit) / path;
  if (auto made = make_folder(to.parent_path()); !made)
    return made;
  // From the link's folder up to the repository's.
  std::string target = "../../";
  for (auto slashes = std::count(path.begin(), path.end(), '/'); slashes > 0; --slashes)
    target += "../";
  target += "blobs/" + std::string(etag);
  std::error_code err;
  if (fs::read_symlink(to, err) == target)
    return {};
  const auto made = to.string() + ".new-" + std::to_string(::getpid());
  ::unlink(made.c_str());
  if (::symlink(target.c_str(), made.c_str()) != 0)
    return tl::make_unexpected(errno_error(errno, "cannot write", made));
  return take_name(made, to);
}

result<void> hub_cache::write_ref(std::string_view rev, std::string_view commit) const {
  const auto to = root_ / "refs" / rev;
  if (auto folder = make_folder(to.parent_path()); !folder)
    return folder;
  const auto made = to.string() + ".new-" + std::to_string(::getpid());
  auto file = open_file(made, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file)
    return tl::make_unexpected(file.error());
  if (auto ok = write_all(file->get(), as_bytes(commit), made); !ok)
    return ok;
  return take_name(made, to);
}

} // namespace shoal::get
