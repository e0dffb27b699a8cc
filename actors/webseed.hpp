// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/origin_lister.hpp"
#include "actors/piece_finder_actor.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <map>
#include <unordered_map>

namespace shoal {

/// See webseed_actor.
class webseed : public webseed_actor::base {
public:
  /// @param side outlives the actor.
  /// @param pieces may be invalid: then files are checked as a whole alone.
  webseed(caf::actor_config& cfg, webseed_side* side, piece_finder_actor pieces);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using found_promise = caf::typed_response_promise<origin_file>;
  using pull_promise = caf::typed_response_promise<opened_pull>;

  /// What an origin has said lately.
  struct known {
    origin_file file;
    mono_time until;
  };

  /// A question to the origins, for all who ask it.
  struct lookup {
    origin_name name;
    std::vector<found_promise> waiting;
    std::vector<size_t> order; ///< Of the origins, in this round.
    size_t base = 0;           ///< In that order.
    unsigned round = 0;
    std::optional<mono_time> again_at;
  };

  struct failed_pull {
    error why;
    mono_time until;
  };

  found_promise on_find(const find_origin_file& ask);
  std::optional<origin_file> remembered(const origin_name& name, const std::string& text);
  void ask_origin(lookup& l, const std::string& text);
  void on_answer(const origin_answer& x);
  void on_failure(lookup& l, const origin_answer& x);
  void settle(const std::string& text, result<origin_file> how, std::chrono::seconds lifetime);
  void complete(const origin_name& name, origin_file& file) const;
  void recognise(const std::string& text, origin_record& what) const;
  void note(const std::string& text, const origin_record& what);

  origin_lister::promise on_list(const list_origin& ask);
  pull_promise on_open(open_pull& ask);
  std::optional<sha256_digest> came_lately(const pull_spec& what) const;
  void on_over(const pull_over& x);
  void on_tick();

  webseed_side& side_;
  piece_finder_actor pieces_;
  std::shared_ptr<late_mail> mail_;
  std::shared_ptr<work_chain> notes_; ///< Into the book, in order.
  origin_lister lister_;
  std::unordered_map<std::string, known> known_;
  std::unordered_map<std::string, lookup> lookups_;
  std::map<sha256_digest, webseed_fetcher_actor> pulls_;
  std::map<sha256_digest, failed_pull> failed_;
  decltype(watch_pulls::tell) tell_; ///< Of files that have come; empty: nobody listens.
};

} // namespace shoal
