// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_actor.hpp"
#include "core/metrics.hpp"
#include "persistence/object_claims.hpp"
#include "persistence/upload_book.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <array>

namespace shoal {

struct object_steward_config {
  object_store* objects = nullptr; ///< Outlives the actor, as does the next.
  object_claims* claims = nullptr;
  upload_book* uploads = nullptr;       ///< Outlives the actor.
  std::chrono::seconds upload_life{0};  ///< Of what was uploaded and never published.
  uint64_t scrub_bytes_per_second = 0;  ///< 0: nothing is scrubbed.
  metrics::registry* metrics = nullptr; ///< Outlives the actor.
};

/// See object_steward_actor. Detached: it waits for the disk.
class object_steward : public object_steward_actor::base {
public:
  object_steward(caf::actor_config& cfg, const object_steward_config& config);

  behavior_type make_behavior() override;

private:
  void on_step(const registry_step& step);
  void on_records(const settle_records& what);
  void settle_revision(const std::string& key);
  void settle_entry(const std::string& key);
  void on_arrived(const object_arrived& what);
  void begin_catching_up();
  void catch_up();
  void scrub();
  void let_go();
  void report(const object_finding& found);

  object_steward_config config_;
  std::array<metrics::counter*, 3> findings_{}; // By kind.
  metrics::counter* let_go_ = nullptr;          // Of objects.
  bool catching_up_ = false;
  caf::actor_clock::time_point scrubbed_at_; // The last time, or when the next round begins.
  caf::actor_clock::time_point round_began_;
  caf::actor_clock::time_point let_go_at_; // The next time.
};

} // namespace shoal
