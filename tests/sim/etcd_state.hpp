// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

#include <deque>
#include <map>
#include <set>

namespace shoal::sim {

/// What an etcd cluster holds and how it answers: keys with all their versions since the last
/// compaction, and leases. No time, no network: `etcd_model` stands around it.
/// @source etcd 3.4 "Data model", "etcd API guarantees"; mvcc and lessor of its server.
class etcd_state {
public:
  struct change {
    uint64_t revision;
    std::vector<coordination::watch_event> events;
  };

  uint64_t revision() const { return revision_; }
  uint64_t compacted() const { return compacted_; }

  /// Changes after `compacted`, one for each revision.
  const std::deque<change>& history() const { return history_; }

  /// @errors ec::invalid_argument: a key is written twice. ec::not_found: a lease does not exist.
  result<coordination::transaction_result> commit(const coordination::transaction& what);

  /// @errors ec::not_found: compacted. ec::invalid_argument: a revision of the future.
  result<coordination::range_page> read(const coordination::range_query& what) const;

  void add_lease(coordination::lease_id lease) { leases_[lease]; }
  bool has_lease(coordination::lease_id lease) const { return leases_.contains(lease); }

  /// Erases its keys in one revision. @errors ec::not_found.
  result<uint64_t> end_lease(coordination::lease_id lease);

  /// Forgets what was overwritten or erased up to a revision.
  void compact(uint64_t revision);

  /// @returns nothing if there is no such key.
  std::optional<coordination::key_value> find(const std::string& key) const;

private:
  struct version {
    bool erased;
    coordination::key_value kv;
  };

  const version* version_at(const std::vector<version>& all, uint64_t revision) const;
  bool holds(const coordination::condition& c) const;
  std::optional<error> refuse(const coordination::transaction& what) const;
  void apply(const coordination::operation& what, change& into);
  void finish(change made);

  uint64_t revision_ = 1;
  uint64_t compacted_ = 0;
  std::map<std::string, std::vector<version>> keys_; // Versions in order, never none.
  std::map<coordination::lease_id, std::set<std::string>> leases_;
  std::deque<change> history_;
};

/// Whether `first <= key < end`, where "\0" is no end.
inline bool in_range(std::string_view key, std::string_view first, std::string_view end) {
  return key >= first && (end == std::string_view("\0", 1) || key < end);
}

} // namespace shoal::sim
