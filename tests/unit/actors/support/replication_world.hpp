// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/replica_table.hpp"
#include "actors/swarm_replication.hpp"
#include "cluster/slot_sync.hpp"
#include "tests/sim/timeline.hpp"

#include <map>
#include <set>
#include <string>

namespace shoal::test {

using namespace std::chrono_literals;
using cluster::replication_flaw;
using cluster::replication_log;

/// A peer as it matters to whoever is handed it.
using peer_fact = std::tuple<uint64_t, uint8_t, std::optional<endpoint>, std::optional<endpoint>>;
using swarm_facts = std::map<info_hash, std::set<peer_fact>>;

/// An owner of the slot, or one that takes itself for it.
struct slot_owner {
  struct swarm {
    explicit swarm(const peer_table_config& config) : peers{config} {}
    peer_set peers;
    coarse_seconds born = 0;
  };

  slot_owner(uint64_t epoch, const cluster::replication_config& config) : log{0, config} {
    log.own(epoch);
  }

  std::map<info_hash, std::unique_ptr<swarm>> swarms;
  replication_log log;
  std::optional<cluster::slot_sync> sync;
  mono_time sync_after{};
  bool zombie = false;
};

/// One slot, its owner and the standby, and a link that delays, stalls and breaks, in virtual time.
/// Owners come and go; one that was replaced may go on for a while without knowing.
class replication_world {
public:
  replication_world(uint64_t seed, replication_flaw broken);

  /// Lets it run with faults. What must hold is looked at all the time.
  void run(sim::duration span);

  /// Faults end; nothing changes any more.
  void heal();

  /// @returns what went wrong first; empty: nothing.
  const std::string& failure() const { return failure_; }

  /// Figures of one run, to see that things happened at all.
  struct tally {
    uint64_t announces = 0;
    uint64_t full_syncs = 0;
    uint64_t breaks = 0;
    uint64_t takeovers = 0;
    uint64_t warm_looks = 0;
    uint64_t peers_looked_at = 0;
    uint64_t peers_missing = 0;
    uint64_t refused = 0;
    uint64_t fell_behind = 0;
  };
  const tally& seen() const { return tally_; }

private:
  /// One direction after the other; in order, as TCP is.
  struct link {
    uint64_t connection = 1; // What was sent over an older one is lost.
    mono_time up_at{};
    mono_time busy_until{};
  };

  void step();
  void disturb();
  void act(slot_owner& owner);
  void announce(slot_owner& owner);
  void expire(slot_owner& owner);
  void pump(slot_owner& owner);
  void advance_sync(slot_owner& owner);
  void send(std::shared_ptr<slot_owner> from, std::string frame);
  void deliver(const std::shared_ptr<slot_owner>& from, const std::string& frame);
  void take_over();
  void note(const slot_owner& owner, const info_hash& swarm, std::span<const peer_change> changes);
  void look();
  void compare();
  void fail(std::string what);
  sim::duration trip();
  coarse_seconds seconds() const;
  uint64_t draw(uint64_t bound) { return time_.random.below(bound); }

  swarm_facts truth() const;
  swarm_facts copy() const;

  sim::timeline time_;
  replication_flaw broken_;
  peer_table_config tables_;
  cluster::replication_config logs_;
  bool faults_ = true;
  std::shared_ptr<slot_owner> owner_;
  std::shared_ptr<slot_owner> zombie_;
  mono_time zombie_ends_{};
  replica_table table_;
  cluster::replica_stream stream_;
  link link_;
  coarse_seconds expired_at_ = 0;
  std::map<std::pair<info_hash, uint64_t>, mono_time> touched_; // When a peer last changed.
  std::map<info_hash, mono_time> completed_;                    // When somebody last completed.
  std::string failure_;
  tally tally_;
};

} // namespace shoal::test
