// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link.hpp"
#include "cluster/slot_routes.hpp"

#include <array>
#include <atomic>

namespace shoal {

/// Which node has the swarms of a slot, as a number that changes whenever that node may have
/// forgotten what it was told. Thread-safe.
class swarm_places final : cluster::link_listener {
public:
  /// Of a slot whose swarms nobody can be told anything.
  static constexpr uint32_t nowhere = 0;

  /// Before the first `follow`. Everything outlives this, and the links do not outlive it.
  swarm_places(cluster::links& between, cluster::slot_routes& routes) : routes_{routes} {
    between.listen(*this);
  }

  /// Whether this node has the swarms, so that no other one must be asked.
  bool is_here(size_t slot) const {
    return routes_.route(slot).owner == cluster::this_node && routes_.epoch(slot) != 0;
  }

  /// The owner's, or its standby's while nobody reaches the owner.
  uint32_t of(size_t slot) const {
    auto node = routes_.serving(slot);
    if (node == cluster::nobody)
      return nowhere;
    return uint32_t{node} | uint32_t{links_lost_[node].load(std::memory_order_relaxed)} << 16;
  }

  /// Changes whenever that of a slot does.
  uint64_t version() const { return routes_.version(); }

private:
  void link_up(const std::string&, uint64_t, uint32_t) override {}
  void link_down(const std::string& node, uint64_t, const error&) override {
    links_lost_[routes_.number_of(node)].fetch_add(1, std::memory_order_relaxed);
  }

  cluster::slot_routes& routes_;
  std::array<std::atomic<uint16_t>, cluster::slot_routes::nodes_max + 2> links_lost_{};
};

} // namespace shoal
