// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_node.hpp"

#include <algorithm>

namespace shoal::sim {

/// How long a cluster without faults takes for what happens to every cluster, in virtual time.
struct growth {
  duration start{0};         ///< All nodes at once until every slot is where it should be.
  duration join{0};          ///< One more, the same.
  duration leave{0};         ///< SIGTERM until the node is gone.
  duration leave_unowned{0}; ///< The longest time that one slot had nobody meanwhile.
  duration kill{0};          ///< Kill -9 until every slot is owned again; the lease is 5 s.
  duration kill_settled{0};  ///< Until every slot is where it should be.
};

growth measure_growth(size_t nodes);

} // namespace shoal::sim
