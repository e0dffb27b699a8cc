// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_table.hpp"
#include "actors/swarm_bounds.hpp"
#include "cluster/slots.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace shoal {

/// What one swarm says of itself.
struct swarm_summary {
  info_hash hash;
  swarm_counts counts;
  uint32_t addresses4 = 0;
  uint32_t addresses6 = 0;
  uint32_t connected = 0; ///< Peers by WebSocket.
  coarse_seconds last_heard = 0;
  eviction_rank rank = eviction_rank::registered;
};

/// Sums over all swarms.
struct census_totals {
  uint64_t swarms = 0;
  uint64_t seeders = 0;
  uint64_t leechers = 0;
  uint64_t addresses4 = 0;
  uint64_t addresses6 = 0;
  uint64_t connected = 0;
  std::array<uint64_t, 256> clients{}; ///< Addresses by number of the client: see client_names.
  std::vector<swarm_summary> top;      ///< The largest by peers, the largest first.
};

/// Live statistics without a walk of their own: every swarm adds itself when the sweep for expired
/// peers comes by, which is each slot every 16 seconds. Safe on any thread; each slot has a lock.
class swarm_census {
public:
  static constexpr size_t top_max = 20;
  static constexpr size_t victims_per_slot_max = 64;

  /// How long totals are good for.
  static constexpr std::chrono::seconds freshness{2};

  /// So long after the sweep came to a slot its swarms have added themselves.
  static constexpr std::chrono::seconds settling{2};

  swarm_census();

  /// The sweep comes to a slot: its swarms add themselves anew.
  void begin(size_t slot, mono_time now);

  /// @param clients a number for each address.
  void add(const swarm_summary& swarm, const std::vector<uint8_t>& clients);

  /// @returns sums over the last complete sweep of each slot: at most one sweep, `settling` and
  /// `freshness` old.
  std::shared_ptr<const census_totals> totals(mono_time now);

  /// Whether every slot has been swept as a whole.
  bool complete(mono_time now) const;

  /// @returns what may be evicted, those that go first in front.
  std::vector<swarm_summary> victims(mono_time now) const;

  /// It has been evicted: it is not named again before the sweep has come by once more.
  void strike(const info_hash& victim);

private:
  struct tally {
    census_totals sums;
    std::vector<swarm_summary> victims; // A heap: the one that goes last in front.
  };
  struct slot {
    std::mutex mutex;
    std::unique_ptr<tally> current;
    std::unique_ptr<tally> last; // Null until the second sweep.
    std::optional<mono_time> begun_at;

    /// The newest that is complete, or null. Call it under the lock.
    tally* settled(mono_time now) const {
      return begun_at && now - *begun_at >= settling ? current.get() : last.get();
    }
  };

  static void keep_top(std::vector<swarm_summary>& top, const swarm_summary& swarm);
  void sum_up(mono_time now);

  mutable std::array<slot, slot_count> slots_;
  std::mutex mutex_; // Guards those below.
  std::shared_ptr<const census_totals> totals_;
  mono_time summed_at_{};
};

} // namespace shoal
