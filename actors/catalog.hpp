// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/catalog_views.hpp"
#include "actors/registry_actor.hpp"
#include "persistence/lmdb_store.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace shoal {

/// See catalog_actor.
class catalog : public catalog_actor::base {
public:
  /// @param store outlives the actor.
  catalog(caf::actor_config& cfg, const lmdb_store* store);

  behavior_type make_behavior() override;

private:
  void load();

  /// In a cluster: follows the node's copy.
  void on_step(const registry_step& step);
  void follow(const std::string& key);
  void add(revision made);
  template <class Pred>
  void remove(const std::string& id, Pred gone);
  model_list on_list(const list_models& ask) const;
  caf::result<revision> on_lookup(const lookup_revision& ask) const;

  const lmdb_store& store_;
  model_map models_;
};

} // namespace shoal
