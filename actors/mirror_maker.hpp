// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/mirror_maker_actor.hpp"
#include "actors/mirror_news.hpp"
#include "actors/object_gatherer_actor.hpp"
#include "actors/object_replicator.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <array>
#include <atomic>
#include <map>

namespace shoal {

struct mirror_maker_config {
  webseed_side* side = nullptr; ///< Outlives the actor, as do the next two.
  object_claims* claims = nullptr;
  metrics::registry* metrics = nullptr;
  webseed_actor webseed;
  catalog_actor catalog;
  object_replicator_actor replicator; ///< Null: the node is alone, as with the next two.
  object_gatherer_actor gatherer;
  mirror_news_config news;

  /// Whom to ask to register a torrent.
  std::function<registry_shard_actor(const info_hash&)> registry_of;

  /// Files of a commit come one after the other: it is looked at when none has come for so long.
  std::chrono::milliseconds quiet{1500};
};

/// See mirror_maker_actor.
class mirror_maker : public mirror_maker_actor::base {
public:
  mirror_maker(caf::actor_config& cfg, mirror_maker_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<mirror_made>;

  /// A commit that may become a mirror.
  struct candidate {
    origin_name name;
    mono_time due;
    unsigned failures = 0;
    unsigned surveys = 0;
    std::vector<promise> waiting;
  };

  void join();
  void on_pulled(const file_pulled& x);
  void note(const origin_name& commit);
  void on_news(const link_question& x);
  promise on_make(const make_mirror& ask);
  void on_step(mirror_step& x);
  void on_tick();

  // The steps of one, in this order; each of them ends in the next one or in `end`.
  void look_up();
  void check_openness();
  void list();
  void survey(const origin_listing& listing);
  void judge();
  void ask_openly();
  void gather();
  void bring_next();
  void bring(sha256_digest object);
  void lack(const error& why);
  void build();
  void copy_out(bool is_first);
  void enlist();
  void settle();

  void find_incomplete();
  void end(mirror_outcome how);
  void end_with(const error& why);
  void let_go();
  template <class Job>
  void on_disk(Job job);

  mirror_maker_config config_;
  std::shared_ptr<late_mail> mail_;
  std::optional<mirror_news> news_; ///< Nothing: the node is alone.
  std::shared_ptr<std::atomic<bool>> leaving_ = std::make_shared<std::atomic<bool>>(false);
  std::map<std::string, candidate> waiting_; ///< By revision.
  std::optional<candidate> now_;             ///< The one that is being made.
  std::shared_ptr<manifest> files_;          ///< Of it, as are the next ones.
  std::vector<sha256_digest> absent_;
  std::vector<std::shared_ptr<object_claims::hold>> brought_;
  std::shared_ptr<held_mirror> made_;
  uint64_t ticket_ = 0;
  mono_time copies_until_;
  std::array<metrics::counter*, static_cast<size_t>(mirror_outcome::sentinel_)> ends_{};
  std::shared_ptr<std::atomic<size_t>> count_ = std::make_shared<std::atomic<size_t>>(0);
};

} // namespace shoal
