// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

namespace shoal::cluster {

/// The last put in a range of keys, as somebody's view of the range has it: etcd's history is the
/// one that the view comes from if the key was put at that revision with that value. An etcd that
/// was restored from an older backup has not seen this put, however far it has come since.
struct range_witness {
  uint64_t revision = 0;   ///< Of the put; 0: there is no witness.
  uint64_t since = 0;      ///< Nothing in the range changed after this and up to the view.
  uint64_t value_hash = 0; ///< Of what was put.
  std::string key;

  explicit operator bool() const { return revision != 0; }
  bool operator==(const range_witness&) const = default;

  /// Whether it vouches for all of the view: no change was between the put and `since`.
  bool is_sharp() const { return revision != 0 && since == revision; }

  /// Whether this is the very put.
  bool is(const coordination::key_value& kv) const;

  /// @returns that of a range that was read whole at a revision, `newest` being its newest key.
  static range_witness of(const coordination::key_value& newest, uint64_t read_at);

  /// @returns that of changes, in order and not none; no witness if the last one only erased.
  static range_witness of(std::span<const coordination::watch_event> events);
};

/// @returns the words for an etcd that is at revision `to` and lacks what was seen at `from`.
std::string went_back_words(uint64_t from, uint64_t to);

} // namespace shoal::cluster
