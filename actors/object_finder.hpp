// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/link_asker.hpp"
#include "actors/place_cache.hpp"
#include "core/defaults.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>

namespace shoal {

/// Finds out which other nodes have an object. Asked by the edges, about objects that this node
/// does not have. Lost when it dies: searches under way, and what was found a moment ago.
using object_finder_actor = caf::typed_actor<
    // Errors: ec::not_found (all nodes say so), ec::unavailable (one that may have it does not
    // answer, or was there lately), ec::busy.
    caf::replies_to<find_object>::with<object_places>,
    // INTERNAL: another node has answered.
    caf::reacts_to<remote_answer>,
    // INTERNAL: a node of this zone has had its time to answer.
    caf::reacts_to<try_again>,
    // INTERNAL: time to look who is there.
    caf::reacts_to<atom::tick>>;

struct object_finder_config {
  cluster::links* links = nullptr;                  ///< Outlives the actor.
  std::string zone;                                 ///< Of this node: its neighbours are preferred.
  std::function<std::vector<std::string>()> others; ///< Names of the other nodes, now.
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
  std::chrono::milliseconds patience{1500};   ///< Until a node that says nothing counts as absent.
  std::chrono::milliseconds zone_patience{3}; ///< For a node of this zone after another's answer.
  std::chrono::milliseconds lifetime = defaults::object_places_lifetime;
  std::chrono::milliseconds absence = defaults::node_absence;
};

/// See object_finder_actor.
class object_finder : public object_finder_actor::base {
public:
  object_finder(caf::actor_config& cfg, object_finder_config config);

  behavior_type make_behavior() override;
  void on_exit() override { asker_.close(); }

private:
  using promise = caf::typed_response_promise<object_places>;

  /// A question to all nodes.
  struct search {
    sha256_digest object;
    std::vector<promise> waiting;
    std::vector<object_place> places; ///< This zone's first.
    size_t open = 0;                  ///< Nodes that have not answered.
    bool unsure = false;              ///< Somebody may have it who does not say so.
    bool paused = false;              ///< Waits for a node of this zone.
  };
  using search_ptr = std::shared_ptr<search>;

  promise on_find(const find_object& ask);
  void begin(const search_ptr& s);
  void on_answer(const search_ptr& s, const std::string& node, const result<std::string>& body);
  void close_one(const search_ptr& s);
  void give(search& s);
  void end(const search_ptr& s);

  /// Notes who is there. @returns whether somebody is missing who was there lately.
  bool look_around(const std::vector<std::string>& others);

  object_finder_config config_;
  link_asker asker_;
  place_cache cache_;
  std::unordered_map<sha256_digest, search_ptr> searches_;
  std::map<uint64_t, search_ptr> paused_;
  uint64_t last_pause_ = 0;
  std::map<std::string, mono_time> seen_; ///< When a node was there last.
};

} // namespace shoal
