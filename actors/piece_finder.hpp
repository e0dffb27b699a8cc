// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/object_gatherer_actor.hpp"
#include "actors/piece_finder_actor.hpp"
#include "actors/registry_actor.hpp"
#include "actors/webseed_side.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <map>
#include <set>

namespace shoal {

struct piece_finder_config {
  webseed_side* side = nullptr; ///< Outlives the actor.
  catalog_actor catalog;
  object_gatherer_actor gatherer; ///< Invalid: the node is alone.
};

/// See piece_finder_actor. Two revisions count: the one that the file is asked for in, whoever has
/// published it, and the last mirror of its model, as its torrents were made here; a commit changes
/// few of its parent's files.
class piece_finder : public piece_finder_actor::base {
public:
  piece_finder(caf::actor_config& cfg, piece_finder_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<found_piece_hashes>;

  struct search {
    find_piece_hashes ask;
    promise answer;
    std::deque<sha256_digest> manifests; ///< Still to be looked at.
    std::set<sha256_digest> sought;      ///< At other nodes, once each.
    bool is_sure = true;                 ///< Nobody failed to answer.
    std::vector<std::shared_ptr<object_claims::hold>> held;
  };

  promise on_find(find_piece_hashes& ask);
  void ask_catalog(uint64_t id, const std::string& rev);
  void note(search& s, const revision& x);
  void note_failure(search& s, const caf::error& why);
  void look(uint64_t id);
  void on_step(const piece_step& x);
  void bring(uint64_t id, const sha256_digest& object);
  void pass_over(uint64_t id);
  void settle(uint64_t id, std::shared_ptr<const piece_hashes> pieces);

  piece_finder_config config_;
  std::shared_ptr<late_mail> mail_;
  std::map<uint64_t, search> searches_;
  uint64_t last_search_ = 0;
};

} // namespace shoal
