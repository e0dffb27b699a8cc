// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Kinds of messages between nodes (cluster/link.hpp), so that no two parts take the same number.
///
///     0..15   announces, scrapes and what clients by WebSocket say
///     16..31  replication of swarms
///     32..    the registry
namespace shoal::link_kind {

/// Notice, to whoever has the swarms: announces (protocol/link_announce.hpp), answered by the next.
inline constexpr uint16_t announces = 1;

/// Notice: answers to announces.
inline constexpr uint16_t answers = 2;

/// Request: scrapes of several swarms.
inline constexpr uint16_t scrapes = 3;

/// Request, owner to standby: batches of several slots. Answer: acknowledgements of some of them.
inline constexpr uint16_t replica_batches = 16;

/// Request, to the owner, from a node that has answered for it or was the owner before: peers that
/// the owner may not know. Answer: nothing; ec::not_owner if it is none and has taken nothing.
inline constexpr uint16_t stray_peers = 17;

} // namespace shoal::link_kind
