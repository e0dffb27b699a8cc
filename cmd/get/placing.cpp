// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/placing.hpp"

#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/git_identity.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <vector>

namespace shoal::get {

namespace {

constexpr size_t buffer_bytes = 1024 * 1024;

} // namespace

result<sha256_digest> hash_file(const std::filesystem::path& file, const std::atomic<bool>& stop,
                                const std::function<void(uint64_t)>& on_bytes) {
  auto in = open_file(file, O_RDONLY);
  if (!in)
    return tl::make_unexpected(in.error());
  ::posix_fadvise(in->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  sha256_hasher hasher;
  std::vector<uint8_t> buffer(buffer_bytes);
  while (!stop) {
    auto count = read_full(in->get(), buffer, file);
    if (!count)
      return tl::make_unexpected(count.error());
    hasher.update(std::span(buffer).first(*count));
    if (on_bytes)
      on_bytes(*count);
    if (*count < buffer.size())
      return hasher.finish();
  }
  return fail(ec::shutting_down);
}

result<sha1_digest> hash_blob(const std::filesystem::path& file, const std::atomic<bool>& stop) {
  auto in = open_file(file, O_RDONLY);
  if (!in)
    return tl::make_unexpected(in.error());
  std::vector<uint8_t> bytes(limits::git_blob_bytes_max + 1);
  auto count = read_full(in->get(), bytes, file);
  if (!count)
    return tl::make_unexpected(count.error());
  if (*count == bytes.size())
    return fail(ec::too_large, file.string());
  if (stop)
    return fail(ec::shutting_down);
  return git_blob_id(as_chars(std::span(bytes).first(*count)));
}

result<void> prepare_move(const std::filesystem::path& from, const std::filesystem::path& to) {
  auto file = open_file(from, O_RDONLY);
  if (!file)
    return tl::make_unexpected(file.error());
  return sync_file(file->get(), from).and_then([&] { return make_folder(to.parent_path()); });
}

result<void> move_into_place(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (auto ready = prepare_move(from, to); !ready)
    return ready;
  if (::rename(from.c_str(), to.c_str()) != 0)
    return tl::make_unexpected(errno_error(errno, "cannot write", to));
  return sync_folder(to.parent_path());
}

} // namespace shoal::get
