// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/object_store.hpp"
#include "persistence/partial_object.hpp"

#include <atomic>

namespace shoal {

/// An object that has come in part. Any thread; does disk I/O but for `offset_bytes`.
class pending_upload {
public:
  pending_upload(std::unique_ptr<partial_object> parts, unix_seconds touched)
      : parts_(std::move(parts)), touched_(touched) {}

  uint64_t size_bytes() const { return parts_->size_bytes(); }

  /// @returns up to where bytes are here without a gap.
  uint64_t offset_bytes() const { return parts_->prefix_bytes(); }

  /// Writes bytes that begin there or before. From time to time it waits for the disk.
  /// @errors ec::conflict (another client writes there), ec::storage_full, ec::storage_failed.
  result<void> write(uint64_t offset, std::span<const uint8_t> bytes, unix_seconds now);

  /// Makes what has come survive a crash.
  result<void> sync() { return parts_->sync(); }

private:
  friend class upload_book;

  std::unique_ptr<partial_object> parts_;
  std::atomic<unix_seconds> touched_; ///< When bytes came last.
  std::mutex ending_;
};

/// Objects that clients upload in parts, in files below `uploads/` until they are whole. What gets
/// no bytes for long enough is removed. All functions may be called from any thread and do disk
/// I/O, but `usage`. Lost when it dies: what came after the last `sync`; the rest is found again.
class upload_book {
public:
  struct config {
    std::filesystem::path folder; ///< On the disk of the objects.
    std::chrono::seconds life;
    std::function<unix_seconds()> now = [] { return unix_now(); };
  };

  struct totals {
    uint64_t count = 0;
    uint64_t bytes = 0;   ///< When all are whole: so much room is taken.
    uint64_t expired = 0; ///< Since the start.
    uint64_t resumed = 0; ///< Uploads that went on, since the start.
  };

  /// @param objects outlives this.
  upload_book(object_store& objects, config c);

  /// Begins, or goes on. One of another size begins anew: at most one of both can be right.
  /// @errors ec::busy (too many), ec::conflict (another size, and somebody is at it),
  /// ec::too_large, ec::storage_full, ec::storage_failed.
  result<std::shared_ptr<pending_upload>> open(const sha256_digest& object, uint64_t size_bytes);

  /// @returns what has come of it, or null.
  result<std::shared_ptr<pending_upload>> find(const sha256_digest& object);

  /// Makes an object of what is whole. Hashing takes its time: it does some of it.
  /// @returns whether it is one; else ask again.
  /// @errors ec::hash_mismatch (it is removed), ec::unavailable (it is not whole),
  /// ec::storage_full, ec::storage_failed.
  result<bool> finish(const sha256_digest& object, pending_upload& whole);

  /// Removes what had no bytes for too long, and closes files that nobody writes to.
  void expire();

  totals usage() const;

private:
  struct entry {
    uint64_t size_bytes = 0;
    unix_seconds touched = 0;             ///< While it is closed.
    std::shared_ptr<pending_upload> here; ///< Null: closed.
  };

  result<std::shared_ptr<pending_upload>> open_locked(const sha256_digest& object, entry& e);
  void expire_locked();
  void forget(const sha256_digest& object, const pending_upload& which);

  object_store& objects_;
  const config config_;
  mutable std::mutex mutex_;
  std::map<sha256_digest, entry> pending_; ///< limits::uploads_max at most.
  uint64_t expired_ = 0;
  uint64_t resumed_ = 0;
};

} // namespace shoal
