// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/piece_finder_actor.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"
#include "protocol/chunk_plan.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <map>
#include <set>

namespace shoal {

/// See webseed_fetcher_actor.
class webseed_fetcher : public webseed_fetcher_actor::base {
public:
  /// @param side outlives the actor. @param pieces may be invalid. @param tell called once, when
  /// the work is done or has failed.
  webseed_fetcher(caf::actor_config& cfg, webseed_side* side, piece_finder_actor pieces,
                  pull_spec what, std::function<void(pull_over)> tell);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<pull_progress>;
  enum class phase : uint8_t { opening, pulling, finishing, done, failed };

  /// A reader that has no bytes yet.
  struct waiter {
    promise answer;
    uint64_t reader = 0;
    uint64_t offset = 0;
    uint64_t length = 0;
    mono_time until;
  };

  struct reader {
    chunk_plan::reader_id planned = 0;
    bool is_planned = false;
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  promise on_read(const read_pull& ask);
  void on_leave(const leave_pull& x);
  void on_event(pull_event& x);
  void on_opened(pull_event& x);
  void on_ended(const pull_event& x);
  void on_finished(const pull_event& x);
  void on_tick();

  void find_pieces();
  void open();
  void plan_reader(reader& r);
  void pump();
  void ask_origin(const chunk_plan::request& what);
  origin::request request_for(const chunk_plan::request& what) const;
  std::vector<uint32_t> sources(mono_time now) const;
  void sync_some();
  void finish();
  void note_wrong();
  bool may_begin_anew() const;
  void begin_anew();
  void end(error why);
  void answer(waiter& w);
  void serve(uint32_t chunk);
  void serve_all();
  void refuse_stuck();
  uint32_t chunk_at(uint64_t offset) const;
  template <class Job>
  void on_disk(Job job);

  webseed_side& side_;
  piece_finder_actor pieces_;
  pull_spec spec_;
  std::function<void(pull_over)> tell_;
  std::shared_ptr<late_mail> mail_;
  std::shared_ptr<pulled_file> file_;
  std::optional<chunk_plan> plan_;
  phase phase_ = phase::opening;
  error why_; ///< Of `phase::failed`.
  error last_failure_{ec::unavailable, {}};
  std::map<uint64_t, reader> readers_;
  std::multimap<uint32_t, waiter> waiting_;                   ///< By the chunk that each wants.
  std::map<uint64_t, origin::origin_client::ticket> tickets_; ///< By the plan's request.
  std::vector<bool> dead_;                                    ///< Sources that do not have it.
  std::set<uint32_t> gave_;                                   ///< Sources of what has come.
  std::optional<uint32_t> alone_;                             ///< Whom the second try asks.
  bool is_second_try_ = false;   ///< What came first was wrong, and nobody has seen it.
  bool is_begun_before_ = false; ///< Part of it was here before, from whomever.
  bool is_stopped_ = false;      ///< Whoever wanted it without reading it does no more.
  uint64_t last_reader_ = 0;
  bool syncing_ = false;
  mono_time synced_at_{};
  mono_time done_at_;
};

} // namespace shoal
