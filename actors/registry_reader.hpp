// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_asker.hpp"
#include "actors/registry_peers.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <set>

namespace shoal {

/// See registry_reader_actor. Each slot is answered for by its owner, in one question to each node;
/// what owners do not answer for, standbys do; what is left, this node's copy.
///
/// A search that looks at nothing that only owners know (see `is_for_all`) first goes to the
/// nearest of owner and standby: this node, else one in its own zone, else either of them.
class registry_reader : public registry_reader_actor::base {
public:
  /// @param peers outlives the actor.
  registry_reader(caf::actor_config& cfg, const registry_peers* peers);

  behavior_type make_behavior() override;
  void on_exit() override { asker_.close(); }

private:
  template <class T>
  using promise = caf::typed_response_promise<T>;

  enum class stage : uint8_t { nearest, owners, standbys, copy };

  /// A search under way.
  struct search {
    search_query asked; ///< With offset 0 and room for all before the page.
    uint64_t offset = 0;
    uint32_t limit = 0;
    promise<search_page> answer;
    slot_filter missing = slot_filter::all();
    std::vector<search_result> parts;
    stage at = stage::owners;
    unsigned tries = 0;  ///< Of the owners.
    bool moving = false; ///< An owner is about to answer for slots, or another is one now.
    size_t open = 0;     ///< Questions of this stage.
    bool exact = true;
    uint64_t lag_ms = 0;                   ///< Of the oldest copy that has answered.
    std::set<cluster::node_number> silent; ///< Who did not answer, and is not asked again.
    uint32_t turn = 0;                     ///< Which of two equally near ones it prefers.
    bool copy_is_new = true;               ///< This node's.
    std::optional<error> failure;
  };
  using search_ptr = std::shared_ptr<search>;

  /// Entries on their way.
  struct page {
    std::vector<std::string> keys;
    promise<entry_list> answer;
    std::unordered_map<std::string, registry_entry> found;
    std::vector<std::string> missing; ///< Nobody has spoken of them yet.
    stage at = stage::owners;
    unsigned tries = 0;
    bool moving = false;
    size_t open = 0;
  };
  using page_ptr = std::shared_ptr<page>;

  promise<search_page> on_search(const search_query& query);
  void ask_stage(const search_ptr& s);
  void ask_here(const search_ptr& s, const slot_filter& slots);
  void ask_there(const search_ptr& s, cluster::node_number node, const slot_filter& slots);
  void on_answer(const search_ptr& s, cluster::node_number node, const result<search_part>& part,
                 const slot_filter& slots);
  static void on_part(const search_ptr& s, search_result part, const slot_filter& answered);
  cluster::node_number nearest(const search& s, size_t slot) const;
  bool owns_all(const slot_filter& slots) const;
  search_meters::source source_of(const search& s, cluster::node_number node) const;
  void end_question(const search_ptr& s);

  promise<entry_list> on_lookup(const lookup_entries& ask);
  void ask_stage(const page_ptr& p);
  void ask_here(const page_ptr& p, const std::vector<std::string>& keys);
  void ask_there(const page_ptr& p, const std::string& node, std::vector<std::string> keys);
  void end_question(const page_ptr& p);

  /// Whom to ask about a slot at that stage.
  cluster::node_number whom(search& s, size_t slot) const;
  template <class Errand>
  cluster::node_number whom_at(Errand& x, size_t slot) const;

  /// The owners again after a pause, if slots are moving; else the next stage.
  template <class Errand>
  void go_on(const std::shared_ptr<Errand>& x);

  const registry_peers& peers_;
  link_asker asker_;
  std::unordered_map<uint64_t, std::function<void()>> paused_;
  uint64_t last_pause_ = 0;
  uint32_t searches_ = 0;
};

} // namespace shoal
