// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/slots.hpp"
#include "persistence/commit.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

/// Which slot a registry key belongs to: the one place that says so.
namespace shoal {

/// Keys that are hashes belong where swarms of that hash do (an entry's key is its primary hash, so
/// an entry and its primary swarm share a slot); names and user ids are spread evenly.
/// @returns 0..255.
inline size_t slot_of_key(table where, std::string_view key) {
  bool is_hash = where == table::entries || where == table::aliases || where == table::blocked;
  if (is_hash && !key.empty())
    return static_cast<unsigned char>(key.front());
  uint32_t sum = 2166136261u; // FNV-1a; changing it moves keys between owners.
  for (unsigned char c : key)
    sum = (sum ^ c) * 16777619u;
  return (sum ^ (sum >> 16)) % slot_count;
}

/// The slot whose owner makes a write: that of the first entry it writes, else of the first key. A
/// write may touch keys of other slots too (another hash of the same torrent, a ref); its
/// conditions on their versions protect those.
inline size_t home_slot(const commit_request& request) {
  auto& all = request.mutations;
  auto entry = std::find_if(all.begin(), all.end(),
                            [](const mutation& m) { return m.where == table::entries; });
  if (entry == all.end())
    entry = all.begin();
  return entry == all.end() ? 0 : slot_of_key(entry->where, entry->key);
}

/// The slot whose owner alone may make a write; nothing for one that any node may make: that
/// somebody has accepted a licence stays true whoever writes it down, and however often.
inline std::optional<size_t> guarding_slot(const commit_request& request) {
  auto& all = request.mutations;
  auto is_free = [](const mutation& m) { return m.where == table::acceptances; };
  if (!all.empty() && std::all_of(all.begin(), all.end(), is_free))
    return std::nullopt;
  return home_slot(request);
}

} // namespace shoal
