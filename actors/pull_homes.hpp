// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/link_asker.hpp"
#include "actors/messages/pull_homes.hpp"
#include "cluster/placement.hpp"
#include "core/defaults.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>

namespace shoal {

/// Knows which node pulls what (ADR 29), and where that node serves it. Spawned by the HTTP
/// server if the node asks origins, asked by the edges and by other nodes. Lost when it dies:
/// addresses, which are asked for anew.
using pull_homes_actor = caf::typed_actor<
    // Errors: ec::unavailable (no node is left), ec::busy.
    caf::replies_to<find_home>::with<pull_home>,
    // Another node wants to know where this one serves.
    caf::reacts_to<link_question>,
    // INTERNAL: another node has answered.
    caf::reacts_to<remote_answer>>;

struct pull_homes_config {
  cluster::links* links = nullptr;                        ///< Outlives the actor.
  std::function<std::vector<cluster::candidate>()> there; ///< All nodes, this one too, now.
  std::string self;
  std::function<std::string()> bulk_address; ///< Where others read from it; empty: nowhere yet.
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
  std::chrono::milliseconds patience{3000}; ///< Until a node that says nothing counts as absent.
  std::chrono::milliseconds lifetime = defaults::object_places_lifetime; ///< Of an address.
};

/// See pull_homes_actor.
class pull_homes : public pull_homes_actor::base {
public:
  pull_homes(caf::actor_config& cfg, pull_homes_config config);

  behavior_type make_behavior() override;
  void on_exit() override {
    asker_.close();
    asking_.clear();
  }

private:
  using promise = caf::typed_response_promise<pull_home>;

  /// A search for a home: the nodes that are left, the best one last.
  struct search {
    std::vector<std::string> nodes;
    promise answer;
  };
  using search_ptr = std::shared_ptr<search>;

  struct known {
    std::string address;
    mono_time until;
  };

  promise on_find(const find_home& ask);
  void try_next(const search_ptr& s);
  void on_answer(const std::string& node, const result<std::string>& body);
  void on_question(const link_question& x) const;

  pull_homes_config config_;
  link_asker asker_;
  std::map<std::string, known> known_;                    ///< By node.
  std::map<std::string, std::vector<search_ptr>> asking_; ///< Who waits for a node's address.
};

} // namespace shoal
