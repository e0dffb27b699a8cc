// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/messages/object_gatherer.hpp"
#include "actors/object_finder.hpp"
#include "actors/object_pulls.hpp"
#include "core/metrics.hpp"
#include "persistence/work_pool.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

/// Brings objects that other nodes have here, one after the other. Spawned by the NODE in a
/// cluster. Lost when it dies: who waits; what came stays.
using object_gatherer_actor
    = caf::typed_actor<caf::replies_to<gather_objects>::with<gathered_objects>,
                       // INTERNAL: an object has come, or not.
                       caf::reacts_to<gather_step>>;

struct object_gatherer_config {
  object_finder_actor finder;
  const object_pulls* pulls = nullptr; ///< Outlives the actor, as do the next three.
  object_claims* claims = nullptr;
  work_pool* disk = nullptr;
  metrics::registry* metrics = nullptr;
};

/// See object_gatherer_actor.
class object_gatherer : public object_gatherer_actor::base {
public:
  object_gatherer(caf::actor_config& cfg, object_gatherer_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using job_ptr = std::shared_ptr<gather_job>;

  void look(const job_ptr& job);
  void bring(const job_ptr& job, object_places from);
  void on_step(gather_step& x);
  void end(gather_job& job, std::optional<error> failed);

  object_gatherer_config config_;
  std::shared_ptr<late_mail> mail_;
  metrics::counter& brought_;
};

} // namespace shoal
