// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_node.hpp"

namespace shoal::sim {

/// How long a cluster without faults takes for what happens to every cluster, in virtual time. Who
/// joins, leaves and is killed owns slots, also where most nodes own none.
struct growth {
  duration start_owned{0};   ///< All nodes at once until every slot has an owner.
  duration start{0};         ///< Until every slot is where it should be, in the eyes of all nodes.
  duration join{0};          ///< One more, the same.
  duration leave{0};         ///< SIGTERM until the node is gone.
  duration leave_settled{0}; ///< Until every slot is where it should be.
  duration leave_unowned{0}; ///< The longest time that one slot had nobody meanwhile.
  duration kill{0};          ///< Kill -9 until every slot is owned again; the lease is 5 s.
  duration kill_settled{0};  ///< Until every slot is where it should be.
  size_t zones_shared = 0;   ///< Slots with owner and standby in one zone, in all settled states.
};

/// What did not settle has `growth_patience`.
inline constexpr std::chrono::seconds growth_patience{600};

/// @param nodes in three zones, 3 or more.
growth measure_growth(size_t nodes);

} // namespace shoal::sim
