// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_asker.hpp"
#include "actors/messages/object_copies.hpp"
#include "actors/object_duties.hpp"
#include "actors/object_finder.hpp"
#include "actors/object_pulls.hpp"
#include "actors/registry_actor.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

/// Sees to it that objects are on their homes (ADR 24): copies what is published before that is
/// acknowledged, fetches what this node is to have, gives up what others have instead. Detached: it
/// waits for the disk. Spawned by the NODE, asked by the edges and by other nodes. Lost when it
/// dies: copies under way, each an error to a publisher.
using object_replicator_actor = caf::typed_actor<
    // Objects get their copies: from here, as far as they are here.
    caf::replies_to<copy_objects>::with<copy_state>,
    // Another node wants objects held here.
    caf::reacts_to<link_question>,
    // INTERNAL: another node has answered.
    caf::reacts_to<remote_answer>,
    // INTERNAL: an object has come, or not.
    caf::reacts_to<object_pulled>,
    // INTERNAL: time to go on.
    caf::reacts_to<atom::tick>>;

struct object_replicator_config {
  object_store* objects = nullptr; ///< Outlives the actor, as do the next four.
  object_claims* claims = nullptr;
  object_duties* duties = nullptr;
  const object_pulls* pulls = nullptr;
  cluster::links* links = nullptr;
  object_finder_actor finder;
  object_steward_actor steward;
  std::function<std::vector<cluster::candidate>()> there; ///< All nodes, this one too, now.
  std::string self;
  std::string zone;                          ///< Of this node.
  std::function<std::string()> bulk_address; ///< Where others read its objects; empty: nowhere yet.
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
  std::chrono::milliseconds patience{2000};                   ///< Of each question to a node.
  std::chrono::milliseconds tick{100};
};

/// See object_replicator_actor.
class object_replicator : public object_replicator_actor::base {
public:
  object_replicator(caf::actor_config& cfg, object_replicator_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<copy_state>;

  /// An object that gets its copies: whom to ask, best first, and how far they are.
  struct copied {
    sized_object what;
    std::vector<std::string> candidates;
    size_t held = 0;
    std::vector<bool> settled; ///< Of each candidate: held or failed.
  };

  /// What a publisher waits for.
  struct job {
    std::vector<copied> objects;
    size_t open = 0;      ///< Objects that wait for more copies.
    size_t questions = 0; ///< Under way.
    std::optional<promise> waiting;
    mono_time waits_until{};
    mono_time forgotten_at{}; ///< If nobody asks for it before.
  };
  using job_ptr = std::shared_ptr<job>;

  /// What another node wants held here.
  struct held {
    std::shared_ptr<object_claims::hold> hold; ///< Of several; null: it is on its way.
    bool failed = false;
    mono_time until{};
  };

  promise on_copy(const copy_objects& ask);
  void plan(copied& x) const;
  bool is_done(const copied& x) const;
  void ask_all(const job_ptr& j);
  void ask_one(const job_ptr& j, const std::string& node,
               std::vector<std::pair<size_t, size_t>> of);
  void note(job& j, std::pair<size_t, size_t> which, held_objects::state how);
  void answer(job& j);

  void on_question(const link_question& x);
  held_objects::state hold(const std::string& from, const hold_objects& ask,
                           const sized_object& what);
  void take(const std::vector<sha256_digest>& objects);
  void on_pulled(const object_pulled& x);

  void on_tick();
  void tick_jobs(mono_time now);
  void look_around(mono_time now);
  void look_for_lost();
  void fetch_wanted(mono_time now);
  void fetch(const sha256_digest& object);
  void give_up_surplus();
  void ask_heirs(const object_duties::surplus& what, uint64_t size_bytes,
                 const std::vector<std::string>& heirs);
  void on_hold_question(const link_question& x);
  void pull(object_pull what);

  object_replicator_config config_;
  link_asker asker_;
  std::shared_ptr<late_mail> mail_; // Of this actor, for those who pull.
  std::unordered_map<uint64_t, job_ptr> jobs_;
  std::unordered_map<sha256_digest, held> held_;
  std::unordered_set<sha256_digest> wanted_now_; // On their way.
  size_t giving_up_ = 0;
  bool gives_up_ = false;             ///< In `give_up_surplus`.
  sha256_digest lost_from_;           // Of those that are lost, the next to look at.
  std::optional<mono_time> round_at_; // When the last one began.
};

} // namespace shoal
