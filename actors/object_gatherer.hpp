// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/object_finder.hpp"
#include "actors/object_gatherer_actor.hpp"
#include "actors/object_pulls.hpp"
#include "core/metrics.hpp"
#include "persistence/work_pool.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

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
  /// A question about several objects.
  struct search {
    std::vector<sha256_digest> left;
    caf::typed_response_promise<objects_sought> answer;
  };

  void seek(const std::shared_ptr<search>& s);
  void bring(gather_step job, object_places from);
  void on_step(gather_step& x);

  object_gatherer_config config_;
  std::shared_ptr<late_mail> mail_;
  metrics::counter& brought_;
};

} // namespace shoal
