// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/net.hpp"

#include <cstdint>

namespace shoal::load {

/// One peer of a swarm, as it introduces itself.
struct load_peer {
  peer_id id;
  uint16_t port = 0;
  uint32_t key = 0;
  bool seed = false;
};

/// All swarms and peers there are, computed from numbers instead of being kept: a million of them
/// cost nothing, and two runs with one seed speak of the same ones.
class population {
public:
  /// @param swarms 1 or more. @param peers of each swarm, 1 or more.
  /// @param seeds_percent share of peers that have everything, 0..100.
  population(uint64_t seed, uint64_t swarms, uint64_t peers, unsigned seeds_percent)
      : seed_{seed}, swarms_{swarms}, peers_{peers}, seeds_percent_{seeds_percent} {}

  uint64_t swarms() const { return swarms_; }

  uint64_t peers() const { return peers_; }

  /// @param swarm 0..swarms()-1.
  info_hash hash_of(uint64_t swarm) const;

  /// Peers of a swarm have different ports, and different addresses beyond 59,999 of them if each
  /// source announces those that request_plan gives it.
  load_peer peer(uint64_t swarm, uint64_t number) const;

private:
  uint64_t seed_;
  uint64_t swarms_;
  uint64_t peers_;
  unsigned seeds_percent_;
};

/// The loopback address that stands for client host `number`: all of 127.0.0.0/8 is ours.
/// @param range keeps kinds of clients apart, 0..126.
ip_address loopback_source(unsigned range, unsigned number);

} // namespace shoal::load
