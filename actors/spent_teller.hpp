// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/spent_book.hpp"
#include "cluster/link.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace shoal {

/// Tells the other nodes several times a second what was fetched here. Spawned by the NODE. Lost
/// when it dies: each node counts for itself.
using spent_teller_actor = caf::typed_actor<
    // INTERNAL: several times a second.
    caf::reacts_to<atom::tick>>;

struct spent_teller_config {
  std::shared_ptr<spent_book> book;
  cluster::links* links = nullptr;                  ///< Outlives the actor.
  std::function<std::vector<std::string>()> others; ///< Names of the other nodes, now. Any thread.
};

class spent_teller : public spent_teller_actor::base {
public:
  /// What others tell goes into the book. Create it before the first `follow` of the links.
  spent_teller(caf::actor_config& cfg, spent_teller_config config);

  behavior_type make_behavior() override;

private:
  void tell();

  spent_teller_config config_;
};

} // namespace shoal
