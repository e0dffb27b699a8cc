// SPDX-License-Identifier: Apache-2.0
#include "persistence/upload_book.hpp"

#include "core/limits.hpp"

#include <sys/stat.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

/// Bytes between two waits for the disk: what a crash may cost.
constexpr uint64_t unsynced_bytes_max = uint64_t{64} << 20;

/// Hashed by one call of `finish`.
constexpr uint64_t hashed_at_once_bytes = uint64_t{1} << 30;

/// A file without a writer for so long is closed.
constexpr unix_seconds idle_s_max = 60;

unix_seconds changed_at(const fs::path& file, unix_seconds otherwise) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 ? info.st_mtime : otherwise;
}

} // namespace

result<void> pending_upload::write(uint64_t offset, std::span<const uint8_t> bytes,
                                   unix_seconds now) {
  touched_ = now;
  if (auto written = parts_->write(offset, bytes); !written)
    return tl::unexpected(written.error());
  return parts_->unsynced_bytes() < unsynced_bytes_max ? result<void>() : parts_->sync();
}

upload_book::upload_book(object_store& objects, config c)
    : objects_(objects), config_(std::move(c)) {
  for (auto& [object, header] : partial_object::list(config_.folder)) {
    auto file = config_.folder / (object.hex() + ".data");
    pending_[object] = {header.size_bytes, changed_at(file, config_.now()), nullptr};
  }
  expire();
}

result<std::shared_ptr<pending_upload>> upload_book::open_locked(const sha256_digest& object,
                                                                 entry& e) {
  if (e.here)
    return e.here;
  partial_spec spec;
  spec.size_bytes = e.size_bytes;
  spec.sha256 = object;
  auto opened = partial_object::open(config_.folder, object, spec);
  if (!opened && opened.error().code == ec::storage_full && objects_.free_disk(e.size_bytes) > 0)
    opened = partial_object::open(config_.folder, object, spec);
  if (!opened)
    return tl::unexpected(opened.error());
  e.here = std::make_shared<pending_upload>(std::move(*opened), e.touched);
  return e.here;
}

result<std::shared_ptr<pending_upload>> upload_book::open(const sha256_digest& object,
                                                          uint64_t size_bytes) {
  if (size_bytes > limits::object_bytes_max) // Before anything is given up for it.
    return fail(ec::too_large, std::to_string(size_bytes) + " bytes");
  std::lock_guard lock(mutex_);
  auto found = pending_.find(object);
  if (found != pending_.end() && found->second.size_bytes != size_bytes) {
    if (found->second.here && found->second.here.use_count() > 1)
      return fail(ec::conflict, "somebody uploads it with another size");
    pending_.erase(found);
    found = pending_.end();
  }
  if (found != pending_.end()) {
    auto opened = open_locked(object, found->second);
    if (opened && (*opened)->offset_bytes() > 0)
      ++resumed_;
    return opened;
  }
  expire_locked();
  if (pending_.size() >= limits::uploads_max)
    return fail(ec::busy, "too many objects have come in part");
  auto& made = pending_[object];
  made = {size_bytes, config_.now(), nullptr};
  auto opened = open_locked(object, made);
  if (!opened)
    pending_.erase(object);
  return opened;
}

result<std::shared_ptr<pending_upload>> upload_book::find(const sha256_digest& object) {
  std::lock_guard lock(mutex_);
  auto found = pending_.find(object);
  return found == pending_.end() ? nullptr : open_locked(object, found->second);
}

result<bool> upload_book::finish(const sha256_digest& object, pending_upload& whole) {
  std::lock_guard turn(whole.ending_);
  auto size = objects_.size(object);
  if (size && *size == whole.size_bytes()) { // Somebody else was first.
    forget(object, whole);
    return true;
  }
  auto& parts = *whole.parts_;
  if (!parts.is_whole())
    return fail(ec::unavailable, "bytes are missing");
  if (auto hashed = parts.hash_some(hashed_at_once_bytes); !hashed)
    return tl::unexpected(hashed.error());
  if (!parts.is_hashed())
    return false;
  auto done = parts.finish([&](const fs::path& file, const sha256_digest& name) {
    return objects_.take(file, name, {});
  });
  if (done || done.error().code == ec::hash_mismatch)
    forget(object, whole);
  return done ? result<bool>(true) : tl::unexpected(done.error());
}

/// Whoever still writes to it writes to a file that has no name.
void upload_book::forget(const sha256_digest& object, const pending_upload& which) {
  std::lock_guard lock(mutex_);
  auto found = pending_.find(object);
  if (found == pending_.end() || found->second.here.get() != &which)
    return;
  partial_object::remove(config_.folder, object);
  pending_.erase(found);
}

void upload_book::expire() {
  std::lock_guard lock(mutex_);
  expire_locked();
}

void upload_book::expire_locked() {
  auto now = config_.now();
  for (auto it = pending_.begin(); it != pending_.end();) {
    auto& [object, e] = *it;
    if (e.here && e.here.use_count() > 1) {
      ++it;
      continue;
    }
    if (e.here)
      e.touched = e.here->touched_;
    if (now - e.touched > idle_s_max)
      e.here.reset();
    if (now - e.touched <= config_.life.count()) {
      ++it;
      continue;
    }
    partial_object::remove(config_.folder, object);
    it = pending_.erase(it);
    ++expired_;
  }
}

upload_book::totals upload_book::usage() const {
  std::lock_guard lock(mutex_);
  totals all{pending_.size(), 0, expired_, resumed_};
  for (auto& [object, e] : pending_)
    all.bytes += e.size_bytes;
  return all;
}

} // namespace shoal
