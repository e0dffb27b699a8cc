// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/mirror_maker_actor.hpp"
#include "actors/object_finder.hpp"
#include "actors/object_pulls.hpp"
#include "actors/preheat_job.hpp"
#include "actors/preheater_actor.hpp"
#include "actors/pull_errands_actor.hpp"
#include "actors/registry_actor.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

struct preheater_config {
  webseed_side* side = nullptr; ///< Outlives the actor, as do the next two.
  object_claims* claims = nullptr;
  metrics::registry* metrics = nullptr;
  const object_pulls* pulls = nullptr; ///< Null, as the next two: the node is alone.
  object_finder_actor finder;
  pull_errands_actor errands;
  webseed_actor webseed;
  mirror_maker_actor mirrors;
  catalog_actor catalog;
};

/// See preheater_actor.
class preheater : public preheater_actor::base {
public:
  preheater(caf::actor_config& cfg, preheater_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  /// Of questions that origins and other nodes take part in.
  static constexpr std::chrono::seconds patience{60};

  using promise = caf::typed_response_promise<preheat_status>;

  /// A pull that a job follows as a reader does.
  struct reading {
    webseed_fetcher_actor from;
    uint64_t reader = 0;
    uint64_t offset = 0;     ///< As a reader.
    uint64_t done_bytes = 0; ///< What has come.
  };

  /// Who waits for news.
  struct watcher {
    promise answer;
    uint64_t seen = 0;
    mono_time until;
  };

  struct running {
    preheat_job job;
    std::map<size_t, reading> readings; ///< By file.
    std::vector<watcher> watchers;
    unsigned list_failures = 0;
    std::optional<mono_time> list_again_at = std::nullopt;
  };

  promise on_begin(begin_preheat& ask);
  promise on_query(const preheat_query& ask);
  promise on_cancel(const cancel_preheat& ask);
  preheat_list on_list() const;
  void on_step(const preheat_step& x);
  void on_tick();

  running* find(uint64_t id);
  running* at_work(uint64_t id);                ///< Null also if it has ended.
  running* under_way(uint64_t id, size_t file); ///< The same of a file of it.
  void make_room();

  // The steps of a job, in this order.
  void look_up(uint64_t id, bool with_private);
  void judge_name(running& r, const resolved_name& x, bool with_private);
  void list(running& r);
  void list_again(running& r, error why);
  void on_listing(running& r, const origin_listing& x);
  void survey(running& r);
  void begin_pulls(running& r, const std::vector<bool>& here);
  void pump(running& r);
  void bring(running& r, size_t file);
  void bring_from_nodes(uint64_t id, size_t file, const origin_record& what, object_places places);
  void ask_home(uint64_t id, size_t file, uint64_t seen_bytes);
  void on_errand(running& r, size_t file, const errand_progress& x);
  void pull(running& r, size_t file);
  void read_on(running& r, size_t file);
  void on_progress(running& r, size_t file, const pull_progress& x);
  void over(running& r, size_t file, const std::optional<error>& failed);
  void enlist(running& r);

  void fail(running& r, error why);
  void leave(const reading& x);
  void leave_pulls(running& r);
  void let_go(running& r);
  void tell(running& r, mono_time now);

  preheater_config config_;
  std::shared_ptr<late_mail> mail_;
  std::map<uint64_t, std::unique_ptr<running>> jobs_;
  size_t watching_ = 0;
  std::shared_ptr<std::atomic<size_t>> active_ = std::make_shared<std::atomic<size_t>>(0);
  std::array<metrics::counter*, static_cast<size_t>(preheat_state::sentinel_)> ends_{};
};

} // namespace shoal
