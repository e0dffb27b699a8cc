// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm.hpp"
#include "cluster/replication_log.hpp"
#include "cluster/slot_sync.hpp"
#include "cluster/traffic_flaw.hpp"

#include <caf/scoped_execution_unit.hpp>

#include <map>
#include <set>

namespace shoal {

/// What the replication asks of the rest of the node, and tells it.
struct slot_duties {
  /// For cluster::membership, which lives on another thread; called on the replication's.
  std::function<void(size_t slot, uint64_t standby_revision)> standby_is_ready;
  std::function<void(size_t slot)> standby_fell_behind;

  /// The node that owns the slot as far as this one knows; empty: nobody, or it is not known. Safe
  /// on any thread.
  std::function<std::string(size_t slot)> owner;

  /// Whether there is a link to that node; unset: always. Safe on any thread.
  std::function<bool(const std::string& node)> reaches;
};

/// What the swarms of a node tell standbys, by slot. Made before the swarms and outlives them.
class slot_logs {
public:
  explicit slot_logs(cluster::replication_config config = {});

  cluster::replication_log& operator[](size_t slot) { return *logs_[slot]; }
  const cluster::replication_log& operator[](size_t slot) const { return *logs_[slot]; }

private:
  cluster::replication_budget budget_{limits::replication_backlog_bytes_max};
  std::array<std::unique_ptr<cluster::replication_log>, slot_count> logs_;
};

/// The owner's side of all slots: who stands by for which, full syncs, and what is to be sent to
/// whom. Belongs to the thread of `replication`.
class slot_feeds {
public:
  struct config {
    cluster::slot_sync_config sync;
    size_t syncs_at_once = 8;                      ///< To one node.
    std::chrono::milliseconds sync_pause_min{300}; ///< Between two full syncs of a slot; doubles,
    std::chrono::milliseconds sync_pause_max{30'000}; ///< until the standby is ready.
    std::chrono::seconds last_words{10};              ///< Of a slot that is another node's.
    size_t steps_max = 512; ///< Of full syncs, in one `advance`, for each slot.
    cluster::traffic_flaw broken = cluster::traffic_flaw::none;
  };

  /// @param swarms what all swarms share.
  slot_feeds(caf::actor_system& sys, swarm_config& swarms, slot_logs& logs, config cfg,
             const slot_duties& duties)
      : unit_{&sys}, swarms_{swarms}, logs_{logs}, config_{cfg}, duties_{duties} {}

  void own(size_t slot, uint64_t epoch);

  /// What the standby has not been told yet is still said.
  void lose(size_t slot, mono_time now);

  /// @param node empty: nobody stands by. @param revision of the standby's key.
  void follow(size_t slot, const std::string& node, uint64_t revision);

  /// Goes on with full syncs and tells who is ready.
  /// @param waits whether the slot's swarms are not all there yet, so that it cannot be synced.
  void advance(mono_time now, const std::function<bool(size_t slot)>& waits);

  /// Nodes that are to be told something, or may be.
  std::set<std::string> nodes() const;

  /// @returns batches for that node as frames, of all slots in turn; empty: none.
  /// @param slots gets that of each batch; for `ended`.
  std::string take(const std::string& node, mono_time now, std::vector<size_t>& slots);

  /// What was taken for these slots is under way no more. @param arrived false: it may not have
  /// come, and is sent again.
  void ended(const std::string& node, const std::vector<size_t>& slots, bool arrived);

  void acknowledge(const delta_ack& x, mono_time now);

  struct lag {
    size_t bytes = 0;                 ///< Of all slots.
    std::chrono::milliseconds age{0}; ///< The longest.
  };
  lag behind_by(mono_time now) const;

private:
  enum class part : uint8_t { none, owner, leaving };
  struct feed {
    part is = part::none;
    std::string node;
    uint64_t revision = 0;
    bool ready = false;
    std::optional<cluster::slot_sync> sync;
    mono_time sync_after{};
    std::chrono::milliseconds sync_pause{0};
    mono_time leaves_at{};
    size_t under_way = 0; ///< Batches of which the link has not told what became of them.
    uint32_t misses = 0;  ///< Turns of a swarm in a row that were somebody else's.
  };

  void tell_readiness(size_t slot, mono_time now);
  void begin_sync(size_t slot, mono_time now);
  void go_on(size_t slot, mono_time now);
  bool step(size_t slot, mono_time now);
  bool ask(size_t slot, const info_hash& swarm, uint64_t identity);
  void end(size_t slot);

  caf::scoped_execution_unit unit_;
  swarm_config& swarms_;
  slot_logs& logs_;
  config config_;
  const slot_duties& duties_;
  std::array<feed, slot_count> feeds_;
  std::map<std::string, size_t> syncs_;   // Under way, by node; of one `advance`.
  std::map<std::string, size_t> turn_of_; // The slot with which the next message begins.
};

/// Runs `f(swarm&)` in the swarm's turn if it sleeps. @returns whether it did.
template <class F>
bool in_turn_of(const swarm_actor& handle, caf::execution_unit& unit, F&& f) {
  auto* found = local_swarm(handle);
  if (found == nullptr || !found->begin_turn(&unit))
    return false;
  f(*found);
  found->end_turn();
  return true;
}

} // namespace shoal
