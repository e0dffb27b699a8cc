// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replication_flaw.hpp"
#include "protocol/swarm_delta.hpp"

namespace shoal::cluster {

/// Whoever keeps a copy of a slot's swarms.
class replica_sink {
public:
  virtual ~replica_sink() = default;

  /// A fact. The first of a batch that is about a swarm comes after a delta_swarm.
  virtual void apply(const swarm_fact& x) = 0;
};

/// The standby's end of one slot's facts: takes batches of the newest owner, each once and in
/// order, whatever comes over whichever link. Pure and single-threaded.
class replica_stream {
public:
  replica_stream(uint8_t slot, replica_sink& sink, replication_flaw broken = replication_flaw::none)
      : slot_{slot}, sink_{sink}, broken_{broken} {}

  /// @returns what to say to the owner.
  delta_ack take(const delta_batch& x);

  /// An owner of that epoch is known, or this node is it: older ones are refused from now on.
  /// @param own this node is the owner, so nobody else of that epoch is heard either.
  void know(uint64_t epoch, bool own);

  /// Whether a full sync of the newest owner has been had, so that the copy is whole.
  bool whole() const { return whole_; }

  uint64_t epoch() const { return epoch_; }

private:
  bool apply_all(std::string_view body);
  delta_ack say(delta_ack::verdict what) const { return {slot_, what, epoch_, number_}; }

  uint8_t slot_;
  replica_sink& sink_;
  replication_flaw broken_;
  uint64_t epoch_ = 0;  // The newest one known.
  uint64_t number_ = 0; // Of the last batch applied; 0: a full sync must come first.
  bool own_ = false;
  bool whole_ = false;
};

} // namespace shoal::cluster
