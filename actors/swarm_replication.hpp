// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_set.hpp"
#include "cluster/replication_log.hpp"

#include <span>

namespace shoal {

/// Peers in one piece of a full sync.
inline constexpr size_t replica_piece_peers = 512;

/// A swarm looks through all its peers so often in a full sync at most, however many it has.
inline constexpr size_t replica_turns_max = 16;

/// Tells a standby what an announce has changed. A refresh of a known peer has changed nothing, so
/// most announces cost some comparisons.
/// @param peers after the announce. @param changes as `peer_set::announce` reported them.
void replicate_announce(cluster::replication_log& log, const info_hash& swarm,
                        const peer_set& peers, uint64_t identity, const announce_output& outcome,
                        std::span<const peer_change> changes, uint32_t age_s);

/// Tells a standby who has changed or gone otherwise: expired, evicted.
void replicate_changes(cluster::replication_log& log, const info_hash& swarm, const peer_set& peers,
                       std::span<const peer_change> changes);

/// Writes the next pieces of a full sync, with the swarm's numbers before the first one: one, or a
/// share of a large swarm, so that the whole takes time in proportion to its peers.
/// @param peers_max in one piece. @returns where the next one begins; nothing: that was the last.
std::optional<uint64_t>
replicate_piece(cluster::replication_log& log, const info_hash& swarm, const peer_set& peers,
                uint64_t from, uint32_t age_s, size_t peers_max = replica_piece_peers,
                cluster::replication_flaw broken = cluster::replication_flaw::none);

} // namespace shoal
