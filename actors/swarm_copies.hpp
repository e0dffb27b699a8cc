// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/replica_table.hpp"

#include <utility>
#include <vector>

namespace shoal {

/// Where a shard looks for the peers of a swarm that is about to begin. Safe on any thread.
class swarm_copies {
public:
  using replica_ptr = std::unique_ptr<replica_table::replica>;

  virtual ~swarm_copies() = default;

  /// What the copy of that slot has of a swarm: all of it if this node owns the slot, which is then
  /// no more in the copy; else a copy of it, for a swarm that acts for an owner that is away.
  /// @returns null if there is nothing.
  virtual replica_ptr take(const info_hash& swarm) = 0;

  /// @returns at most so many swarms of a slot that this node has taken over; empty: no more.
  virtual std::vector<std::pair<info_hash, replica_ptr>> take_some(size_t slot, size_t max) = 0;

  /// A swarm has begun: it may be one of a slot that is another node's.
  virtual void begun(size_t slot) = 0;

  /// A peer has said that it leaves. For a while others may still tell of it that did not hear
  /// that.
  virtual void left(const info_hash& swarm, uint64_t identity) = 0;
  virtual bool has_left(const info_hash& swarm, uint64_t identity) const = 0;
};

/// All that is known of a swarm, as facts for `merge_swarm`.
/// @param wanted says whose; null: everybody's. @returns several if they are too many for one.
std::vector<std::string> facts_of(const peer_set& peers, uint32_t age_s,
                                  const std::function<bool(const replica_peer&)>& wanted = nullptr);

} // namespace shoal
