// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/etcd_state.hpp"
#include "tests/sim/sim_node.hpp"

#include <functional>
#include <map>
#include <set>
#include <unordered_map>

namespace shoal::sim {

/// What the registry's clients may rely on, checked against all that ever happened in etcd:
///  - a write that was acknowledged has happened under the revision it was told, once, and its
///    conditions were so; one that was refused never happens; a conflict had a cause. An erasure
///    does not tell whose it is, so those that it may be are kept: never may none be left
///  - it is acknowledged by a node whose own copy has it
///  - a read at the owner is exact as of some revision that no acknowledged write and no earlier
///    read there is beyond
///  - counters hold what was counted, but for what a crash took before it was written; no flush
///    counts twice
class sim_ledger {
public:
  using complaint = std::function<void(const std::string& kind, const std::string& detail)>;

  sim_ledger(const etcd_state& etcd, complaint wrong) : etcd_{etcd}, wrong_{std::move(wrong)} {}

  /// Something below "shoal/data/".
  void happened(uint64_t revision, const coordination::watch_event& e);

  void asked(const sim_write& of);
  void answered(const sim_write& of, const result<uint64_t>& outcome, uint64_t copy_at);
  void read(size_t slot, const std::string& key, const std::optional<versioned>& seen,
            uint64_t copy_at);
  void counted(const std::string& counter, uint64_t amount) { counted_[counter] += amount; }
  void forgotten(const std::string& counter, uint64_t amount) { forgotten_[counter] += amount; }

  /// When a key of the table `refs` got a value that no other write gives it; nothing: never.
  std::optional<uint64_t> revision_of(const std::string& key, const std::string& value) const;

  /// In the end, of a node: its copy is what etcd has.
  void check_copy(const std::string& node, const memory_copy& copy) const;
  void check_counters() const;

  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t refused() const { return refused_.size(); }
  uint64_t unknown() const { return unknown_; }
  uint64_t reads() const { return reads_; }

private:
  struct version {
    uint64_t revision;
    std::optional<std::string> value;
  };

  const version* version_at(const std::string& key, uint64_t revision) const;
  void check_happened(const sim_write& of, uint64_t revision) const;
  void check_cause(const sim_write& of) const;
  void check_guards(const sim_write& of, uint64_t revision) const;

  /// An erasure that happened, by its key and revision.
  using erasure = std::pair<std::string, uint64_t>;
  void note_erasure(const erasure& what);
  void settle_erasures(const sim_write& of, uint64_t revision);

  const etcd_state& etcd_;
  complaint wrong_;
  std::unordered_map<std::string, std::vector<version>> history_;  // By etcd key.
  std::set<std::pair<std::string, std::string>> done_;             // Keys and values.
  std::unordered_map<std::string, const char*> refused_;           // Values.
  std::set<std::pair<std::string, std::string>> flushes_;          // Counters and ids.
  std::unordered_map<std::string, std::set<std::string>> erasing_; // Keys; values of writes.
  std::map<erasure, std::set<std::string>> erased_;                // And whose it may be.
  std::map<size_t, uint64_t> floor_; // Of each slot: what a read at its owner must not miss.
  std::map<std::string, uint64_t> counted_;
  std::map<std::string, uint64_t> forgotten_;
  uint64_t acknowledged_ = 0;
  uint64_t unknown_ = 0;
  uint64_t reads_ = 0;
};

} // namespace shoal::sim
