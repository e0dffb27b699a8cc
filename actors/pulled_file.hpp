// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/origin_name.hpp"
#include "origin/origin_client.hpp"
#include "persistence/object_store.hpp"
#include "persistence/origin_record.hpp"
#include "persistence/partial_object.hpp"

#include <atomic>
#include <memory>
#include <mutex>

namespace shoal {

/// A file to pull, and how to tell that it is right.
struct pull_spec {
  sha256_digest key;             ///< Of the pull: one at a time, and its files on disk.
  std::string name;              ///< What is known of the file stands under it, see `text_of`.
  std::string commit;            ///< That the name stands for, if the origin has said.
  std::vector<std::string> urls; ///< Of the same bytes; those that come first are preferred.
  uint64_t size_bytes = 0;       ///< At least 1.
  std::optional<sha256_digest> sha256; ///< Of all of it.
  std::optional<sha1_digest> git_blob; ///< The same, as git names it.
  std::string etag;   ///< What the origin calls this version; only believed without the hashes.
  origin_name called; ///< In the revision that its pieces are looked for in; may be empty.
  std::shared_ptr<const piece_hashes> pieces; ///< Null: not known.
  bool pieces_are_sure = true; ///< Else somebody may know pieces who does not answer now.

  /// Whether all of it can be checked once it is here.
  bool is_checkable() const { return sha256 || git_blob; }
};

/// The bytes of a file on their way from an origin: written by the origin client's thread, read by
/// the edges, ended by a fetcher. What can be checked piece by piece is, before anybody gets it.
/// What can only be checked as a whole is held back until it was, up to a size; of what is larger
/// the end is: nobody gets the whole of a file that is wrong, and whoever has got the whole finds
/// the object. All functions may be called from any thread, and do disk I/O where they say so.
class pulled_file {
public:
  /// Takes room in the cache and on the disk, or goes on with what a former pull has left. Disk
  /// I/O. What a former pull has left is gone on with as it was begun: by its pieces, or without.
  /// @param held_bytes files of up to so many bytes that can only be checked as a whole are read
  /// by nobody before.
  /// @errors ec::unavailable: it was begun by pieces that cannot be had now; ec::storage_full,
  /// ec::storage_failed, ec::too_large, ec::invalid_argument.
  static result<std::shared_ptr<pulled_file>> open(object_store& store,
                                                   const std::filesystem::path& folder,
                                                   pull_spec what, uint64_t held_bytes);

  const pull_spec& spec() const { return spec_; }
  const partial_object& bytes() const { return *bytes_; }

  /// @returns how many bytes from there on may be read now, at most `max`.
  uint64_t ready_from(uint64_t offset, uint64_t max) const;

  /// Reads what is ready. Disk I/O. @returns fewer bytes where there are no more yet.
  result<size_t> read(uint64_t offset, std::span<uint8_t> out) const;

  /// Whether nobody gets a byte before all of it was checked.
  bool is_held() const {
    return spec_.is_checkable() && !spec_.pieces
           && (spec_.size_bytes <= held_bytes_ || bytes_->chunk_count() == 1);
  }

  /// Whether it is whole and right.
  bool is_right() const { return right_.load(std::memory_order_acquire); }

  /// Nothing that came may be served any more: readers are to stop.
  void spoil() { spoilt_.store(true, std::memory_order_release); }
  bool is_spoilt() const { return spoilt_.load(std::memory_order_acquire); }

  /// What a source has called the file with its first answer; later ones must say the same.
  std::string tag_of(uint32_t source) const;
  void note_tag(uint32_t source, const std::string& etag);

  /// Disk I/O. @errors as `partial_object::write`.
  result<std::vector<uint32_t>> write(uint64_t offset, std::span<const uint8_t> bytes) {
    return bytes_->write(offset, bytes);
  }

  result<void> sync() { return bytes_->sync(); }

  /// Checks all of it and makes an object of it. Disk I/O. @errors ec::hash_mismatch (what came is
  /// wrong and gone), ec::storage_full, ec::storage_failed.
  result<sha256_digest> finish();

  /// Forgets what came, so that the next pull begins anew, with the room of this one. Disk I/O.
  void discard();

private:
  pulled_file(pull_spec what, object_store::room room, uint64_t held_bytes)
      : spec_{std::move(what)}, room_{std::move(room)}, held_bytes_{held_bytes} {}

  uint64_t open_until() const;
  result<void> check_git_blob() const;

  pull_spec spec_;
  std::optional<object_store::room> room_; ///< Until it is filled or given up.
  uint64_t held_bytes_;
  std::unique_ptr<partial_object> bytes_;
  std::atomic<bool> right_{false};
  std::atomic<bool> spoilt_{false};
  mutable std::mutex mutex_; ///< Of the tags.
  std::map<uint32_t, std::string> tags_;
};

} // namespace shoal
