// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Kinds of messages between nodes (cluster/link.hpp), so that no two parts take the same number.
///
///     0..15   announces, scrapes, what clients by WebSocket say and what clients fetch
///     16..31  replication of swarms
///     32..47  the registry
///     48..63  administration of the cluster
///     64..79  copies of objects
namespace shoal::link_kind {

/// Notice, to whoever has the swarms: announces (protocol/link_announce.hpp), answered by the next.
inline constexpr uint16_t announces = 1;

/// Notice: answers to announces.
inline constexpr uint16_t answers = 2;

/// Request: scrapes of several swarms.
inline constexpr uint16_t scrapes = 3;

/// Notice: a link_web, what clients by WebSocket say (protocol/link_web.hpp).
inline constexpr uint16_t web = 4;

/// Notice: a link_agent, an agent that is connected there (protocol/link_agent.hpp).
inline constexpr uint16_t agent = 5;

/// Notice: a link_spent, who has fetched how much from that node. Since version 2 of the protocol.
inline constexpr uint16_t spent = 6;

// About single swarms (protocol/link_swarm.hpp).

inline constexpr uint16_t paired = 10;   ///< Request: a link_paired. Answer: nothing.
inline constexpr uint16_t describe = 11; ///< Request: a link_describe. Answer: a link_description.

/// Request, owner to standby: batches of several slots. Answer: acknowledgements of some of them.
inline constexpr uint16_t replica_batches = 16;

/// Request, to the owner, from a node that has answered for it or was the owner before: peers that
/// the owner may not know. Answer: nothing; ec::not_owner if it is none and has taken nothing.
inline constexpr uint16_t stray_peers = 17;

// About the registry and its small objects. All are requests; bodies are archives
// (link_archive.hpp) of the message named. What begins with `copy_` asks for what that node has,
// whether or not it is the owner.

inline constexpr uint16_t lookup = 32;          ///< lookup_entry -> registry_entry.
inline constexpr uint16_t copy_lookup = 33;     ///< The same.
inline constexpr uint16_t register_entry = 34;  ///< register_entry -> registry_entry.
inline constexpr uint16_t publish = 35;         ///< publish_revision -> registry_entry.
inline constexpr uint16_t remove = 36;          ///< remove_entry -> nothing.
inline constexpr uint16_t remove_revision = 37; ///< remove_revision -> nothing.
inline constexpr uint16_t block = 38;           ///< blocked_hash -> blocked_hash.
inline constexpr uint16_t unblock = 39;         ///< unblock_hash -> nothing.
inline constexpr uint16_t search = 40;          ///< search_query -> search_part.
inline constexpr uint16_t copy_search = 41;     ///< The same.
inline constexpr uint16_t entries = 42;         ///< lookup_entries -> entry_part.
inline constexpr uint16_t copy_entries = 43;    ///< The same.
inline constexpr uint16_t object_piece = 44;    ///< object_range -> object_piece.
inline constexpr uint16_t adopt_objects = 45;   ///< adopt_objects -> nothing.
inline constexpr uint16_t near_search = 46;     ///< near_query -> near_part.
inline constexpr uint16_t object_place = 47;    ///< object_query -> object_place, or ec::not_found.

inline constexpr uint16_t registry_first = lookup;
inline constexpr uint16_t registry_last = copy_entries;

/// Request: misplaced slots move at once. Without a body, and so is the answer.
inline constexpr uint16_t hurry = 48;

/// Request: how far a node that drains is with its objects; without a body. Answer: a drain_state
/// (messages/object_copies.hpp). Since version 2 of the protocol.
inline constexpr uint16_t drain_state = 49;

/// Request: where the node serves the files that it pulls from origins; without a body. Answer: an
/// object_place of no size. Nodes that ask no origins do not know the question.
inline constexpr uint16_t pull_place = 65;

/// Request, to the node that registers mirrors of a commit: a pulled_news (messages/mirror.hpp), a
/// file of it has come here. Answer: nothing. Nodes that ask no origins do not know the question.
inline constexpr uint16_t pulled_file = 66;

/// Request, to the home of a file's pull: errand_order -> errand_report (messages/pull_errand.hpp),
/// the file is to come there. Nodes that ask no origins do not know the question.
inline constexpr uint16_t pull_errand = 67;

/// Request: hold_objects -> held_objects (messages/object_copies.hpp).
inline constexpr uint16_t hold_objects = 64;

/// @returns with which version of the protocol a kind came (cluster/link_config.hpp). What is asked
/// of a node with which an earlier one is spoken fails with ec::unsupported; whoever asks does what
/// it did before there was the question.
///
///     2  pull_errand: until then preheats pulled at the node that was asked for them
///        spent: until then each node counts for itself what principals fetch
constexpr uint32_t since(uint16_t kind) {
  return kind == pull_errand || kind == drain_state || kind == spent ? 2 : 1;
}

} // namespace shoal::link_kind
