// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/counts_pool.hpp"
#include "actors/registry_actor.hpp"
#include "actors/registry_index.hpp"
#include "actors/registry_plan.hpp"
#include "actors/swarm_directory.hpp"
#include "cluster/registry_service.hpp"
#include "core/defaults.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

namespace shoal {

/// How many registry shards a node runs: each takes 16 slots and scans its part of a search.
inline constexpr size_t registry_shard_count = 16;

/// @returns the number, 0..registry_shard_count-1, of the shard that owns an entry.
inline size_t registry_shard_of(const info_hash& primary_swarm) {
  return slot_of(primary_swarm) * registry_shard_count / slot_count;
}

struct registry_config {
  lmdb_store* store = nullptr;          ///< Outlives the actors.
  swarm_directory* directory = nullptr; ///< Outlives the actors.
  commit_writer_actor writer;
  catalog_actor catalog;
  object_steward_actor steward;      ///< May be nobody; told of what is written here.
  std::function<unix_seconds()> now; ///< Wall time; fixed in tests.

  /// The shard that owns entries by their primary swarm.
  std::function<registry_shard_actor(const info_hash&)> registry_of;
  std::chrono::milliseconds completions_flush_period{250};

  /// In a cluster: where what is written and counted goes, and who owns which slot. Both outlive
  /// the actors; null on a single node.
  cluster::registry_service* cluster = nullptr;
  const cluster::slot_routes* routes = nullptr;
};

/// See registry_shard_actor.
class registry_shard : public registry_shard_actor::base {
public:
  /// @param number 0..registry_shard_count-1. @param config outlives the actor.
  registry_shard(caf::actor_config& cfg, size_t number, const registry_config* config);

  behavior_type make_behavior() override;

private:
  using make_plan = std::function<result<registry_plan>()>;
  template <class T>
  using promise = caf::typed_response_promise<T>;

  struct registry_write {
    make_plan plan;
    std::function<void(result<registry_plan>)> outcome;
    std::function<void(const registry_shard_actor&)> elsewhere; ///< Empty: it is done here.
    mono_time deadline;                                         ///< Of retries after conflicts.
  };

  void load();
  result<registry_entry> on_lookup(const lookup_entry& ask) const;
  search_result on_search(const search_query& query) const;
  promise<registry_entry> on_register(const register_entry& ask);
  promise<registry_entry> on_publish(const publish_revision& ask);
  promise<atom::clear> on_remove(const remove_entry& ask);
  promise<atom::clear> on_remove_revision(const remove_revision& ask);
  promise<blocked_hash> on_block(blocked_hash ask);
  promise<atom::clear> on_unblock(const unblock_hash& ask);
  void on_completions(const completions_counted& fact);

  /// In a cluster memory follows the copy, whoever has changed it, and not this shard's own plans.
  void on_step(const registry_step& step);
  void follow_entry(const std::string& key);
  void follow_alias(const std::string& hash);
  bool is_shown(const registry_entry& entry) const;
  void show_anew(const registry_entry& entry);
  void forget_entry(const std::string& key);
  void reload();
  bool is_home_here(const registry_plan& plan) const;
  void on_flushed(const counters_flushed& fact);
  promise<atom::flush> on_flush();
  void for_each_stored(const std::function<void(const registry_entry&)>& visit) const;

  /// Answers `ask` with what `finish` makes of the applied plan, or passes it to the owner.
  template <class Reply, class Ask, class Finish>
  promise<Reply> write(const Ask& ask, make_plan plan, Finish finish);

  /// Plans and commits until no concurrent write interferes; then applies the plan.
  void run(const registry_write& job);
  void apply(const registry_plan& plan);
  void settle_blocked(const info_hash& hash);

  /// Forgets the hashes that an entry has no more.
  void drop_others(const torrent_hashes& before, const torrent_hashes& after);

  /// @returns the shard of the plan's entry if that is another one, else an invalid handle.
  registry_shard_actor owner_of(const registry_plan& plan) const;

  /// Lets the steward know whose objects are others now.
  void tell_steward(const registry_plan& plan);

  /// Lets the catalog know what a plan did to a revision, then calls `outcome`.
  void tell_catalog(const registry_plan& plan, std::function<void()> outcome);

  void show(const registry_entry& entry);
  void hide(const registry_entry& entry);
  void refresh_swarms(const torrent_hashes& hashes);
  using flush_done = std::function<void(std::optional<error>)>;
  void flush_completions(flush_done outcome);
  void end_flush(const flush_done& outcome, std::optional<error> failure);
  registry_entry with_counts(registry_entry entry) const;

  size_t number_;
  const registry_config& config_;
  registry_planner planner_;
  registry_index index_;
  counts_pool pool_;
  std::unordered_map<std::string, std::shared_ptr<entry_counts>> counts_; // By primary key.
  std::map<std::string, uint64_t> completions_; // Not yet written, by primary key.
  std::map<std::string, uint64_t> writing_;     // Being written.
  std::vector<flush_done> flush_waiters_;
  std::deque<promise<atom::flush>> cluster_flushes_; // The oldest first, as they are answered.
  bool flush_armed_ = false;
};

} // namespace shoal
