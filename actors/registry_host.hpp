// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/proof_line.hpp"
#include "actors/registry_peers.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace shoal {

/// See registry_host_actor. Answers as the owner of a slot only while the routes say that this node
/// is it; whoever asked looks at them again.
class registry_host : public registry_host_actor::base {
public:
  /// @param peers outlives the actor.
  registry_host(caf::actor_config& cfg, const registry_peers* peers);

  behavior_type make_behavior() override;

private:
  void on_question(const link_question& x);
  void look_up(const link_question& x, bool as_owner, bool is_proven = false);
  void look_up_proven(const link_question& x);
  void look_for_proofs();
  void search(const link_question& x, bool as_owner);
  void search_near(const link_question& x);
  void answer_near(const link_question& x, const near_query& ask, mono_time until);
  void find_entries(const link_question& x, bool as_owner);
  template <class Ask>
  void write(const link_question& x);
  template <class Ask>
  void write_here(const Ask& ask, size_t slot, const cluster::link_reply& reply);

  void pause(std::chrono::milliseconds time, std::function<void()> then);

  void note_served() const {
    if (peers_.meters)
      peers_.meters->served();
  }

  const registry_peers& peers_;
  registry_planner known_;
  std::unordered_map<uint64_t, std::function<void()>> paused_; // Bounded by what the links let in.
  uint64_t last_pause_ = 0;
  proof_line line_;
};

/// Lets the links hand what other nodes ask to these actors, until `mail` is closed.
void serve_registry(cluster::links& links, const std::shared_ptr<late_mail>& host,
                    const std::shared_ptr<late_mail>& keeper);

} // namespace shoal
