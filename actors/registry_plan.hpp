// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "persistence/commit.hpp"
#include "persistence/lmdb_store.hpp"
#include "persistence/records.hpp"

#include <optional>

namespace shoal {

/// A registry write, worked out but not yet made: what to commit under which conditions, and what
/// the registry looks like once that has happened. Every key that was read to decide is guarded, so
/// a concurrent write makes the commit fail with ec::conflict and the plan is made anew.
struct registry_plan {
  commit_request commit;
  std::optional<registry_entry> before; ///< The entry that changes or goes.
  std::optional<registry_entry> after;  ///< The entry as it will be.
  std::optional<revision> revision_before;
  std::optional<revision> revision_after;
  std::optional<revision> parent_after; ///< The revision that `revision_after` is on top of.
  std::vector<std::string> blocked;     ///< 20 or 32 byte hashes that get blocked.
  std::vector<std::string> unblocked;
};

/// Makes plans by reading the store. Stateless; any thread.
class registry_planner {
public:
  explicit registry_planner(const lmdb_store& store) : store_{store} {}

  /// @param hash 20 or 32 raw bytes. @errors ec::not_found, ec::corrupt.
  result<registry_entry> find(std::string_view hash) const;

  /// @errors ec::not_found, ec::corrupt.
  result<revision> find_revision(std::string_view id, std::string_view rev) const;

  /// @errors ec::blocked, ec::conflict (a hash belongs to another entry).
  result<registry_plan> register_entry(registry_entry wanted, unix_seconds now) const;

  /// As `register_entry`, plus the ref. @errors ec::conflict also if the revision has other
  /// content, or its parent is gone or has a successor.
  result<registry_plan> publish(const publish_revision& wanted, unix_seconds now) const;

  result<registry_plan> remove(std::string_view hash, std::string reason, unix_seconds now) const;
  result<registry_plan> remove_revision(std::string_view id, std::string_view rev) const;
  result<registry_plan> block(const blocked_hash& wanted) const;

  /// @errors ec::not_found.
  result<registry_plan> unblock(std::string_view hash) const;

  /// @errors ec::not_found: the entry is gone, and its count with it.
  result<registry_plan> add_completions(std::string_view key, uint64_t count) const;

private:
  /// Reads a key and guards the plan by what it finds.
  result<std::optional<versioned>> read(registry_plan& plan, table where,
                                        std::string_view key) const;

  result<std::optional<registry_entry>> read_entry(registry_plan& plan,
                                                   std::string_view hash) const;
  result<void> claim_hashes(registry_plan& plan, const torrent_hashes& hashes) const;
  result<std::optional<ref_record>> read_ref(registry_plan& plan, const std::string& key) const;
  result<void> follow_parent(registry_plan& plan, const publish_revision& wanted,
                             ref_record& made) const;
  void erase_entry(registry_plan& plan, const registry_entry& entry) const;

  const lmdb_store& store_;
};

/// Conversions between what travels and what is stored.
entry_record to_record(const registry_entry& entry);
registry_entry from_record(const entry_record& record);
revision from_record(std::string_view key, const ref_record& record);

} // namespace shoal
