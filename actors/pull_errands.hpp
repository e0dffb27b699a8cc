// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/link_asker.hpp"
#include "actors/pull_errands_actor.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"
#include "cluster/placement.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <map>

namespace shoal {

struct pull_errands_config {
  webseed_side* side = nullptr;    ///< Outlives the actor, as do the next two.
  cluster::links* links = nullptr; ///< `serve` is called before the first `follow`.
  metrics::registry* metrics = nullptr;
  webseed_actor webseed;
  std::function<std::vector<cluster::candidate>()> there; ///< All nodes, this one too, now.
  std::string self;
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
};

/// See pull_errands_actor.
class pull_errands : public pull_errands_actor::base {
public:
  pull_errands(caf::actor_config& cfg, pull_errands_config config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<errand_progress>;

  /// A question of this node's, on its way to the home.
  struct search {
    sha256_digest pull;
    uint64_t seen_bytes = 0;
    std::string body;
    std::vector<std::string> nodes; ///< That are left, the best one last.
    promise answer;
  };
  using search_ptr = std::shared_ptr<search>;

  /// A node that does not do, or does not answer, what it was asked to for a pull.
  struct trouble {
    mono_time since{};
    mono_time until{}; ///< Passed over until then.
  };

  /// An answer that has no news, so that the next question does not come at once.
  struct late_answer {
    promise answer;
    uint64_t done_bytes = 0;
    mono_time due{};
  };

  /// Another node waits for news.
  struct waiter {
    cluster::link_reply reply;
    uint64_t seen_bytes = 0;
    mono_time until{};
  };

  /// A file that comes here for others.
  struct errand {
    origin_name name;
    origin_record known;
    sha256_digest pull;
    webseed_fetcher_actor from; ///< Invalid: it is looked for.
    uint64_t reader = 0;
    uint64_t offset = 0;     ///< As a reader.
    uint64_t done_bytes = 0; ///< What has come.
    unsigned looks = 0;      ///< On the disk, after its last byte came.
    std::optional<mono_time> look_at;
    mono_time asked_at{};
    std::vector<waiter> waiting;
  };

  // This node asks.
  promise on_errand(const pull_errand& ask);
  void try_next(const search_ptr& s);
  void on_report(const search_ptr& s, const std::string& node, const result<std::string>& body);
  void on_silence(const search_ptr& s, const std::string& node, const error& why);
  void pass_over(const search_ptr& s, const std::string& node, const error& why);
  void answer_late(mono_time now);

  // Other nodes ask.
  void on_question(const link_question& x);
  void look(errand& e);
  void on_step(const errand_step& x);
  void open(errand& e);
  void read_on(errand& e);
  void on_progress(errand& e, const pull_progress& x);
  void tell(errand& e);
  void arrived(errand& e, const sha256_digest& object);
  void fail_all(const sha256_digest& pull, const webseed_fetcher_actor& from, const error& why);
  void end(const sha256_digest& pull);
  errand* find(const sha256_digest& pull);
  void on_tick();

  pull_errands_config config_;
  link_asker asker_;
  std::shared_ptr<late_mail> mail_;
  std::map<std::pair<std::string, sha256_digest>, trouble> troubles_; ///< By node and pull.
  std::vector<late_answer> late_;
  std::map<sha256_digest, errand> errands_; ///< By pull.
  std::shared_ptr<std::atomic<size_t>> count_ = std::make_shared<std::atomic<size_t>>(0);
};

} // namespace shoal
