// SPDX-License-Identifier: Apache-2.0
// Objects that are files of others: hashed where they are, linked, and watched for changes.
#include "persistence/object_store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

constexpr size_t hash_buffer_bytes = 1 << 20;

/// @returns whether the file is below the folder; both are canonical.
bool is_below(const fs::path& file, const fs::path& folder) {
  auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return end == folder.end();
}

result<sha256_digest> hash_file(int fd, const fs::path& path) {
  std::vector<uint8_t> buffer(hash_buffer_bytes);
  sha256_hasher hasher;
  for (;;) {
    auto n = read_full(fd, buffer, path);
    if (!n)
      return tl::unexpected(n.error());
    hasher.update(std::span(buffer).first(*n));
    if (*n < buffer.size())
      return hasher.finish();
  }
}

} // namespace

bool object_store::reader::is_intact() const {
  return !in_place || is_unchanged(*in_place, size_bytes, file.get());
}

result<sha256_digest> object_store::adopt_in_place(const fs::path& file, const std::string& owner) {
  std::error_code failure;
  auto path = fs::canonical(file, failure);
  if (failure || is_below(path, fs::canonical(config_.root)))
    return fail(ec::invalid_argument, file.string() + " is no file that can be served in place");
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd)
    return tl::unexpected(fd.error());
  auto before = stamp_of(fd->get(), path);
  if (!before)
    return fail(ec::invalid_argument, path.string() + " is no regular file");
  auto object = hash_file(fd->get(), path);
  if (!object)
    return object;
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0 || now.st_ino != before->first.inode
      || !is_unchanged(before->first, before->second, fd->get()))
    return fail(ec::conflict, path.string() + " is being changed");
  std::lock_guard lock(change_mutex_);
  auto is_link = false; // An old link may lead to what is no longer right.
  if (auto there = open_object(*object, is_link); !there || is_link)
    if (auto linked = link_locked(*object, before->second, before->first); !linked)
      return tl::unexpected(linked.error());
  if (owner.empty())
    return object;
  auto pinned = pin_locked(owner, {&*object, 1});
  return pinned ? object : tl::unexpected(pinned.error());
}

result<void> object_store::link_locked(const sha256_digest& object, uint64_t size_bytes,
                                       const in_place_record& at) {
  if (auto linked = kept_->link(at.path, object); !linked)
    return linked;
  if (auto noted = note_arrival_locked(object, true); !noted)
    return noted;
  auto r = row_of(object);
  if (!r)
    return tl::unexpected(r.error());
  r->record.size_bytes = size_bytes;
  r->record.in_place = at;
  if (auto written = index_->put({&*r, 1}); !written)
    return written;
  std::lock_guard lock(facts_mutex_);
  in_place_.bytes += size_bytes;
  ++in_place_.count;
  return {};
}

} // namespace shoal
