// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/slot_routes.hpp"
#include "core/defaults.hpp"

namespace shoal {

/// Who is to answer an announce now.
struct relay_pick {
  enum class where : uint8_t {
    here,
    there,   ///< `node`
    later,   ///< This node is handing the slot over and does not know yet that it is done; or
             ///< nobody has taken it yet.
    nowhere, ///< Nobody who has the swarm can be reached.
  };
  where at = where::nowhere;
  cluster::node_number node = cluster::nobody;

  bool operator==(const relay_pick&) const = default;
};

/// Chooses who answers: the owner; its standby while the owner cannot be reached or does not
/// answer. A node that is linked and silent (it hangs) is avoided before its link is given up, and
/// is tried again with an announce now and then. Belongs to one thread.
class relay_choice {
public:
  /// @param routes outlive it.
  explicit relay_choice(const cluster::slot_routes& routes) : routes_{routes} {}

  /// Whether an announce needs no other node, as nearly all do.
  bool is_here(size_t slot) const {
    return routes_.route(slot).owner == cluster::this_node && routes_.epoch(slot) != 0;
  }

  relay_pick choose(size_t slot, mono_time now);

  /// The same if the owner has said for defaults::relay_patience that it may not answer: it hands
  /// the slot over, and the word of how that ended does not come. Its standby knows as much.
  relay_pick choose_beside_owner(size_t slot, mono_time now);

  /// The node lets something wait for longer than defaults::relay_patience.
  void overdue(cluster::node_number node, mono_time now);

  void answered(cluster::node_number node);

  bool is_silent(cluster::node_number node) const {
    return node < silent_.size() && silent_[node].has_value();
  }

private:
  bool is_usable(cluster::node_number node, mono_time now);

  const cluster::slot_routes& routes_;
  std::vector<std::optional<mono_time>> silent_; // When to try again, by node.
};

} // namespace shoal
