// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace shoal {

/// Looks after the bounds of all swarms together: measures their use and the load once a second,
/// and evicts. Spawned by the NODE. Lost when it dies: evictions and adaption to load.
using caretaker_actor = caf::typed_actor<
    // INTERNAL: once a second.
    caf::reacts_to<atom::tick>>;

class caretaker : public caretaker_actor::base {
public:
  /// @param config outlives the actor.
  caretaker(caf::actor_config& cfg, swarm_config* config);

  behavior_type make_behavior() override;

private:
  void on_tick();
  void measure_load();
  void evict();
  void review_clients();

  swarm_config& config_;
  uint64_t announces_ = 0; // As of the last tick.
  caf::actor_clock::time_point ticked_at_;
  uint32_t ticks_ = 0;
};

/// Chooses from `victims`, sorted, as many as the bounds want; pure.
std::vector<swarm_summary> choose_victims(const std::vector<swarm_summary>& victims,
                                          const swarm_bounds& bounds);

} // namespace shoal
