// SPDX-License-Identifier: Apache-2.0
#include "cluster/route_writer.hpp"

namespace shoal::cluster {

void route_writer::publish(const membership& from) {
  routes_.set_lease_end(from.acts_until());
  auto self = from.guard_of_self();
  routes_.set_self_lease(self ? static_cast<int64_t>(self->equals) : 0);
  for (size_t slot = 0; slot < published_.size(); ++slot) {
    routes_.set_held(slot,
                     from.owns(slot, mono_time::min()).has_value()); // The lease's end is apart.
    const auto& held = from.holders(slot);
    auto revisions = std::pair{held.owner.revision, held.standby.revision};
    if (published_[slot] == revisions)
      continue;
    published_[slot] = revisions;
    // Whoever had it last still knows most until another begins.
    auto before = routes_.route(slot);
    auto standby = routes_.number_of(held.standby.by.node);
    auto owner = held.owner ? routes_.number_of(held.owner.by.node) : before.owner;
    routes_.set_route(slot, {owner, held.owner || held.standby ? standby : before.standby});
  }
}

} // namespace shoal::cluster
