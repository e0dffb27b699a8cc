// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/lmdb_store.hpp"
#include "persistence/records.hpp"

#include <span>
#include <vector>

namespace shoal {

/// What a node knows of its objects beyond their bytes: who pins them, when they came and were
/// verified, where those of others lie. An LMDB environment of its own, because the registry's may
/// be a copy of a cluster's, and because this one may be thrown away: the folders of objects say
/// what is there and what is to be kept (`object_census` compares). Only pins cannot be found out
/// from them; whoever lost these pins again.
///
/// Reads come from any thread; changes are serialised by the caller.
class object_index {
public:
  struct row {
    sha256_digest object;
    object_record record;
    bool damaged = false; ///< The record could not be read: only `pins` is true.
  };

  /// An owner has 1 to so many bytes, none of them zero.
  static constexpr size_t owner_bytes_max = 400;

  /// @param sync false only in tests: whether a change is on disk when it is made.
  /// @errors ec::unavailable (another process has it), ec::unsupported (a newer Shoal wrote it),
  /// ec::storage_full, ec::storage_failed. One that is damaged is moved to `<folder>.damaged`.
  static result<std::unique_ptr<object_index>> open(const std::filesystem::path& folder,
                                                    bool sync = true);

  /// Why the index that was there could not be used.
  const std::optional<error>& damage() const { return damage_; }

  /// @returns nothing if the object is unknown or its record damaged.
  /// @errors ec::busy, ec::storage_failed.
  result<std::optional<object_record>> find(const sha256_digest& object) const;

  /// All records of objects whose first byte is that, in order, damaged ones too.
  result<std::vector<row>> bucket(uint8_t first_byte) const;

  /// Visits the records from an object on, in order, until `visit` returns false.
  result<void> scan(const sha256_digest& from,
                    const std::function<bool(const sha256_digest&, object_record&&)>& visit) const;

  /// Writes records as they are. @errors ec::storage_full, ec::storage_failed: nothing is written.
  result<void> put(std::span<const row> rows);

  /// Forgets objects with all that pin them.
  result<void> erase(std::span<const sha256_digest> objects);

  /// Pins objects for an owner; again is fine. @param rows their records as they are but for what
  /// pinning changes. @errors ec::invalid_argument (the owner), ec::storage_full,
  /// ec::storage_failed: none is pinned.
  result<void> pin(const std::string& owner, std::span<const row> rows);

  /// @returns the records that have changed; those with `pins` 0 are nobody's now, and not `kept`.
  /// @param objects those that the owner does not pin are left alone.
  result<std::vector<row>> unpin(const std::string& owner, std::span<const sha256_digest> objects);

  /// @returns what the owner pins, in order, at most `max` from `from` on.
  result<std::vector<sha256_digest>> pinned_by(const std::string& owner, const sha256_digest& from,
                                               size_t max) const;

  /// @returns who pins an object, at most `max`.
  result<std::vector<std::string>> owners_of(const sha256_digest& object, size_t max) const;

  /// @returns those that pin anything, in order, at most `max` after one.
  result<std::vector<std::string>> owners_after(const std::string& owner, size_t max) const;

  /// @returns the number of objects.
  result<uint64_t> count() const { return store_->count(table::objects); }

private:
  object_index() = default;

  result<bool> is_pinned(const sha256_digest& object, const std::string& owner) const;

  std::unique_ptr<lmdb_store> store_;
  std::optional<error> damage_;
};

} // namespace shoal
