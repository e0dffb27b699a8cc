// SPDX-License-Identifier: Apache-2.0
#include "actors/relay_choice.hpp"

namespace shoal {

using cluster::nobody;
using cluster::node_number;
using cluster::this_node;

relay_pick relay_choice::choose(size_t slot, mono_time now) {
  auto [owner, standby] = routes_.route(slot);
  if (owner == this_node) {
    // Without a lease this node may be cut off: it answers as well as it can. With one, it has
    // stopped because the slot is about to be another's.
    auto acts = routes_.epoch(slot) != 0 || !routes_.holds_lease(now);
    return {acts ? relay_pick::where::here : relay_pick::where::later, nobody};
  }
  if (owner == nobody && standby == nobody)
    return {relay_pick::where::later, nobody}; // Somebody is about to take it.
  if (is_usable(owner, now))
    return {relay_pick::where::there, owner};
  if (standby == this_node)
    return {relay_pick::where::here, nobody};
  if (is_usable(standby, now))
    return {relay_pick::where::there, standby};
  // Silent is better than gone.
  for (auto node : {owner, standby})
    if (node != nobody && routes_.is_reachable(node))
      return {relay_pick::where::there, node};
  return {};
}

relay_pick relay_choice::choose_beside_owner(size_t slot, mono_time now) {
  auto standby = routes_.route(slot).standby;
  if (standby == this_node)
    return {relay_pick::where::here, nobody};
  if (is_usable(standby, now))
    return {relay_pick::where::there, standby};
  return choose(slot, now);
}

bool relay_choice::is_usable(node_number node, mono_time now) {
  if (node == nobody || !routes_.is_reachable(node))
    return false;
  if (!is_silent(node))
    return true;
  auto& try_at = *silent_[node];
  if (now < try_at)
    return false;
  try_at = now + defaults::relay_probe_period;
  return true;
}

void relay_choice::overdue(node_number node, mono_time now) {
  if (node >= silent_.size())
    silent_.resize(node + size_t{1});
  if (!silent_[node])
    silent_[node] = now + defaults::relay_probe_period;
}

void relay_choice::answered(node_number node) {
  if (node < silent_.size())
    silent_[node].reset();
}

} // namespace shoal
