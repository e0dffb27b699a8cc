// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm_directory.hpp"
#include "core/defaults.hpp"
#include "core/error.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <filesystem>

namespace shoal {

struct snapshot_config {
  std::filesystem::path path;
  swarm_directory* directory = nullptr; ///< Outlives the actor.
  std::array<shard_actor, slot_count> shards;
  std::chrono::seconds period = defaults::snapshot_period;
};

/// Writes every swarm to disk now and then, so that a restart does not lose peers. Spawned detached
/// by the NODE, because it writes files. Lost when it dies: nothing; the last snapshot stays.
using snapshotter_actor = caf::typed_actor<
    // INTERNAL: time for a snapshot.
    caf::reacts_to<atom::tick>>;

/// Behaviour of the snapshotter.
snapshotter_actor::behavior_type snapshotter(snapshotter_actor::pointer self,
                                             snapshot_config config);

/// Asks every swarm for its peers and writes them to `config.path`. Blocks.
/// @param clean an orderly shutdown: nothing will change afterwards.
/// @returns the number of swarms written.
result<uint64_t> write_snapshot(caf::actor_system& sys, const snapshot_config& config, bool clean);

/// Hands the swarms of the last snapshot to their shards. Blocks on the disk.
/// @param stopped_clean nobody has used the snapshot since it was written: if that was an orderly
/// shutdown, its traffic baselines still hold.
/// @returns the number of swarms; 0 if there is no snapshot. Damage is logged, the good part used.
uint64_t load_snapshot(const snapshot_config& config, bool stopped_clean);

} // namespace shoal
