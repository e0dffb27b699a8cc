// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link.hpp"
#include "cluster/membership.hpp"
#include "cluster/slot_routes.hpp"

namespace shoal::cluster {

/// Writes into a node's routes what its membership sees and whom its links reach.
class route_writer final : public link_listener {
public:
  /// @param routes outlive this. @param slots as the membership has.
  explicit route_writer(slot_routes& routes, size_t slots = slot_count)
      : routes_{routes}, published_(slots) {}

  /// After each event of the membership, on its thread: whoever waits for a slot's new owner waits
  /// no tick longer.
  void publish(const membership& from);

  void link_up(const std::string& node, uint64_t, uint32_t) override {
    routes_.set_reachable(routes_.number_of(node), true);
  }
  void link_down(const std::string& node, uint64_t, const error&) override {
    routes_.set_reachable(routes_.number_of(node), false);
  }

private:
  slot_routes& routes_;
  std::vector<std::pair<uint64_t, uint64_t>> published_; // Revisions of the roles, by slot.
};

} // namespace shoal::cluster
