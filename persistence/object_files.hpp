// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/digest.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shoal {

/// Names below the root of `object_files`.
struct object_folders {
  std::string objects = "objects";
  std::string incoming = "incoming";
};

/// Immutable bytes in files named by their SHA-256: `<root>/objects/ab/cd/<64 hex>`. An object is
/// there whole and on disk, or not at all: bytes arrive in `<root>/incoming/` and are renamed once
/// their hash is known. Instead of a file there may be a link to one of somebody else's (`link`).
/// All functions may be called from any thread; all of them do disk I/O. One process owns a root.
class object_files {
public:
  class upload;

  struct totals {
    uint64_t bytes = 0; ///< Without those of links.
    uint64_t count = 0;
  };

  struct listed {
    sha256_digest object;
    uint64_t size_bytes = 0; ///< Of a link: of what it leads to.
    int64_t changed_at = 0;  ///< Unix seconds: when it came by this name.
    bool is_link = false;
  };

  /// Makes the folders, removes what a killed process left in `incoming/`, sums up the objects.
  /// @errors ec::storage_full, ec::storage_failed.
  static result<std::unique_ptr<object_files>> open(const std::filesystem::path& root,
                                                    const object_folders& names = {});

  ~object_files();
  object_files(const object_files&) = delete;
  object_files& operator=(const object_files&) = delete;

  /// @returns where the object is, or would be.
  std::filesystem::path path_of(const sha256_digest& digest) const;

  /// @returns the object's size in bytes, or nothing if it is not here.
  std::optional<uint64_t> size(const sha256_digest& digest) const;

  /// Starts an object. Space is reserved, so that a full disk is noticed before the first byte.
  /// @param expected_size_bytes the exact size, or nothing if it is not known.
  /// @errors ec::too_large, ec::storage_full, ec::storage_failed.
  result<upload> begin(std::optional<uint64_t> expected_size_bytes = std::nullopt);

  /// Stores all at once. @errors as `begin` and `upload`.
  result<sha256_digest> put(std::string_view bytes);

  /// @returns the bytes, whose hash was checked.
  /// @errors ec::not_found, ec::too_large, ec::corrupt (the file is not what its name says),
  /// ec::storage_failed.
  result<std::string> read(const sha256_digest& digest, uint64_t max_bytes) const;

  /// Whoever has the file open keeps reading it. An absent object is fine. Of a link, only the
  /// link goes.
  result<void> remove(const sha256_digest& digest);

  /// Takes over a finished file of the same disk, whose bytes are on it and hash to the name.
  result<void> take(const std::filesystem::path& file, const sha256_digest& digest);

  /// Makes an object of somebody else's file, which stays where it is. @param file absolute.
  result<void> link(const std::filesystem::path& file, const sha256_digest& digest);

  /// Gives a file, or a link, to another folder of the same disk, or to any name there.
  /// @errors ec::not_found, ec::storage_full, ec::storage_failed.
  result<void> move_to(object_files& other, const sha256_digest& digest);
  result<void> move_to(const std::filesystem::path& file, const sha256_digest& digest);

  /// The objects whose first byte is that, in order. A link that leads nowhere is not among them.
  /// @errors ec::storage_failed.
  result<std::vector<listed>> list(uint8_t first_byte) const;

  totals usage() const;

private:
  struct state;
  explicit object_files(std::shared_ptr<state> s);

  std::shared_ptr<state> state_;
};

/// An object on its way in. Destroyed before `finish` has succeeded, it leaves nothing behind. It
/// may outlive its `object_files`. One thread at a time.
class object_files::upload {
public:
  upload(upload&&) noexcept = default;
  upload& operator=(upload&& other) noexcept;
  ~upload();

  /// Appends and hashes. @errors ec::too_large (more than announced), ec::storage_full,
  /// ec::storage_failed.
  result<void> append(std::span<const uint8_t> bytes);

  /// Publishes the object: on disk, under its name, when this returns. One that exists already
  /// is replaced by these equal (and just verified) bytes. The upload is over afterwards.
  /// @param expected what the bytes should hash to.
  /// @errors ec::hash_mismatch (also if the size is not the announced one), ec::storage_full,
  /// ec::storage_failed.
  result<sha256_digest> finish(const std::optional<sha256_digest>& expected = std::nullopt);

  /// Bytes appended so far.
  uint64_t size() const { return size_; }

private:
  friend class object_files;
  upload() = default;
  void discard();

  std::shared_ptr<state> state_;
  std::filesystem::path temp_; ///< Empty when there is nothing to remove.
  unique_fd fd_;
  sha256_hasher hasher_;
  std::optional<uint64_t> expected_size_;
  uint64_t size_ = 0;
};

} // namespace shoal
