// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_set.hpp"
#include "cluster/replica_stream.hpp"

#include <functional>
#include <map>
#include <memory>

namespace shoal {

/// The swarms of one slot as the standby knows them from their owner: what a swarm is, but for its
/// connected peers (who announce again when the owner changes), accounts of traffic (the first
/// reports to a new owner set new bases) and who completed it and left before the last full sync.
/// Pure. As long as the owner lives nothing expires here by itself.
class replica_table final : public cluster::replica_sink {
public:
  /// Swarms of one slot; more are not taken. Many times the share of a slot in limits::swarms_max.
  static constexpr size_t swarms_max = 250'000;

  struct replica {
    explicit replica(const peer_table_config& config) : peers{config} {}

    peer_set peers;
    coarse_seconds born = 0; ///< Wraps below zero for a swarm that is older than this clock.
  };

  /// @param config is kept by reference. @param now of this node's monotonic clock.
  replica_table(const peer_table_config& config, std::function<coarse_seconds()> now,
                cluster::replication_flaw broken = cluster::replication_flaw::none)
      : config_{config}, now_{std::move(now)}, broken_{broken} {}

  void apply(const swarm_fact& x) override;

  /// @returns null if the swarm is not known.
  const replica* find(const info_hash& swarm) const;

  /// Gives a swarm away, to whoever serves it from now on; null if it is not known.
  std::unique_ptr<replica> release(const info_hash& swarm);

  /// This node takes over: how long ago each peer announced is not known, so all get their whole
  /// time from when the owner was heard last.
  void renew(coarse_seconds heard);

  size_t size() const { return swarms_.size(); }

  /// Peers of all swarms; one in several of them counts in each.
  size_t peers() const { return peers_; }

  /// @returns the first swarm from `from` on; nothing if there is none.
  std::optional<info_hash> next(const info_hash& from) const;

  /// Calls `f(const info_hash&, const replica&)`, hashes ascending.
  template <class F>
  void for_each(F&& f) const {
    for (auto& [hash, swarm] : swarms_)
      f(hash, *swarm);
  }

private:
  struct visitor;

  /// @returns the swarm that facts are about, made if need be; null if there is no room.
  replica* current();
  void mirror(replica& swarm, const delta_piece& x);
  std::map<info_hash, std::unique_ptr<replica>>::iterator
  erase(std::map<info_hash, std::unique_ptr<replica>>::iterator at);
  coarse_seconds deadline() const { return now_() + config_.ttl_s; }

  const peer_table_config& config_;
  std::function<coarse_seconds()> now_;
  cluster::replication_flaw broken_;
  std::map<info_hash, std::unique_ptr<replica>> swarms_;
  info_hash named_;
  size_t peers_ = 0;
  // Who was in a swarm of several pieces when the first one came, ascending: only these may have to
  // go in the course of the pieces.
  std::vector<uint64_t> before_;
  std::optional<info_hash> before_of_;
};

} // namespace shoal
