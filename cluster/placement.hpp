// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/slots.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// Which node should own which slot: a pure function of who is there, so that every node computes
/// the same without asking anybody. What *is* owned stands in the coordination service; the
/// difference between the two is what membership works off.
namespace shoal::cluster {

/// What placement knows of a node.
struct candidate {
  std::string id;        ///< Unique in the view.
  uint32_t weight = 1;   ///< Share of the slots relative to others'. 0: takes none.
  std::string zone;      ///< Owner and standby stand in different ones where that is possible.
  bool draining = false; ///< Gives up what it has, takes nothing.

  bool operator==(const candidate&) const = default;
};

struct placement_config {
  size_t slots = slot_count; ///< 1..65536.

  /// How many percent more than its fair share a node may own (rounded up), 0..1000. More room
  /// moves fewer slots when nodes come and go, less room balances better. `unbounded`: plain
  /// rendezvous.
  uint32_t room_percent = 10;

  static constexpr uint32_t unbounded = std::numeric_limits<uint32_t>::max();
};

inline constexpr size_t no_node = std::numeric_limits<size_t>::max();

/// Indices into the nodes that were given; `no_node`: nobody can.
struct slot_place {
  size_t owner = no_node;
  size_t standby = no_node;

  bool operator==(const slot_place&) const = default;
};

/// Weighted rendezvous hashing with bounded loads: of all pairs of slot and node, the best score
/// wins first, as long as the slot is free and the node has room. (The stable matching of slots and
/// nodes under one score: it depends on no order, and one node more or less disturbs few others.)
/// Standbys follow in the same way among the nodes of other zones; a node's room is for both, so
/// who owns less stands by for more. Zones come before balance: where one zone has few nodes, they
/// stand by for all the others. Only integers and exactly rounded divisions decide, so that all
/// machines and libraries agree.
///
/// With more nodes than slots, most own nothing: a slot is never split, so at most `slots` nodes
/// hold swarms and as many stand by; the others serve as edges and keep objects.
/// @returns one place per slot; the order of `nodes` changes nothing but the indices.
/// Cost: slots x nodes; only where nodes get full each offer counts, with the logarithm of their
/// number.
/// @source Thaler and Ravishankar 1998 (rendezvous); Mirrokni, Thorup and Zadimoghaddam 2018
/// (bounded loads).
std::vector<slot_place> place(const std::vector<candidate>& nodes,
                              const placement_config& config = {});

} // namespace shoal::cluster
