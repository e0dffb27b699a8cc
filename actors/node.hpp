// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/caretaker.hpp"
#include "actors/cluster_registry.hpp"
#include "actors/mirror_maker_actor.hpp"
#include "actors/object_gatherer_actor.hpp"
#include "actors/piece_finder_actor.hpp"
#include "actors/preheater_actor.hpp"
#include "actors/pull_errands_actor.hpp"
#include "actors/registry_shard.hpp"
#include "actors/shard.hpp"
#include "actors/webseed_actor.hpp"
#include "actors/webseed_side.hpp"
#include "core/metrics.hpp"
#include "persistence/lmdb_store.hpp"
#include "persistence/object_claims.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <filesystem>
#include <memory>

namespace shoal {

class agent_book;
class cluster_side;
class replica_state;
class replication;
class spent_book;
struct inquiry_desk;
class upload_book;

struct object_config {
  uint64_t cache_bytes_max = defaults::object_cache_bytes_max;
  uint64_t scrub_bytes_per_second = defaults::scrub_bytes_per_second; ///< 0: none.
};

struct node_config {
  std::filesystem::path data_dir;
  uint64_t map_bytes_max = uint64_t{1} << 40;
  object_config objects;
  webseed_config webseed;
  interval_config intervals;
  std::chrono::seconds web_interval = defaults::ws_interval; ///< Over WebSocket.
  uint32_t addresses_max = 100'000;
  bool private_network = false;
  bool keep_peer_ids = false;
  policy_config policy;
  bounds_config bounds; ///< The node's own secret takes the place of this one's.
  std::chrono::seconds snapshot_period = defaults::snapshot_period;
  unsigned scheduler_threads = 2;
  uint32_t upload_life_s = defaults::upload_life_s; ///< Of what was never published, or is in part.
  cluster_side* cluster = nullptr;                  ///< Outlives the node. Null: the node is alone.

  /// Absent: as `cluster` has it. A registry can be shared without the rest, as tests do.
  std::optional<cluster_parts> registry_parts;
};

/// Everything of a node below its edges: store, objects, actors. Owns the start-up order (store,
/// registry, swarms of the last snapshot) and the shutdown order (swarms to disk, counters flushed,
/// store closed).
class node {
public:
  /// @errors ec::corrupt, ec::storage_*, ec::unavailable (another process has the data).
  static result<std::unique_ptr<node>> start(const node_config& config, metrics::registry& metrics);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// In a cluster: takes slots from now on. Call once the edges answer.
  void join();

  /// Once the edges are gone: waits until the nodes that took this one's slots have been told all
  /// that its swarms heard. @returns whether that was done within `patience`.
  bool await_told(std::chrono::milliseconds patience) const;

  /// Writes what is only in memory. Call once the edges are gone.
  void stop();

  /// Whether writes can be expected to work: what /health says.
  bool healthy() const { return store_->stats().healthy; }

  caf::actor_system& system() { return *system_; }
  swarm_directory& directory() { return directory_; }
  const lmdb_store& store() const { return *store_; }
  object_store& objects() { return *objects_; }
  object_claims& claims() { return *claims_; }

  /// What clients upload in parts.
  upload_book& uploads() { return *uploads_; }

  /// The agents that are connected to this node.
  agent_book& agents() { return *agents_; }

  /// Through which nodes tell each other who fetched how much; null: the node is alone.
  const std::shared_ptr<spent_book>& spent() const { return spent_; }

  /// Through which edges ask about hashes that the directory does not have; null: it is right.
  inquiry_desk* inquiries() const { return inquiries_.get(); }

  /// After which peers that are connected by WebSocket announce again.
  uint32_t web_interval_s() const { return swarm_config_.web_interval_s; }

  const std::array<shard_actor, slot_count>& shards() const { return swarm_config_.shards; }
  const std::array<registry_shard_actor, registry_shard_count>& registry() const {
    return registry_;
  }

  /// Whom to ask about an entry; in a cluster it finds the node too.
  const registry_shard_actor& registry_of(const info_hash& swarm) const {
    auto number = registry_shard_of(swarm);
    return shared_registry_ ? shared_registry_->proxy(number) : registry_[number];
  }

  /// Null: the node is alone.
  cluster_registry* shared_registry() const { return shared_registry_.get(); }
  const catalog_actor& catalog() const { return registry_config_.catalog; }
  const commit_writer_actor& writer() const { return registry_config_.writer; }
  const accounts_actor& accounts() const { return swarm_config_.accounts; }

  /// Who pulls files from origins.
  const webseed_actor& webseed() const { return webseed_; }

  /// Who registers what has come from origins; nobody if none are asked.
  const mirror_maker_actor& mirrors() const { return mirrors_; }

  /// Who brings it before anybody asks; nobody if no origins are asked.
  const preheater_actor& preheater() const { return preheater_; }

  /// Null: no origins are asked.
  webseed_side* web_origins() { return web_origins_.get(); }

  /// Null: the node is alone.
  cluster_side* cluster() const { return config_.cluster; }

  /// Secret of this node for hashes of what outsiders choose.
  const hash_key& secret() const { return swarm_config_.peers.secret; }

  swarm_census& census() { return swarm_config_.census; }
  shoal::edge_load& edge_load() { return swarm_config_.edges; }
  const client_names& clients() const { return swarm_config_.clients; }
  const interval_policy& intervals() const { return swarm_config_.intervals; }
  const policy_config& policy() const { return config_.policy; }

  /// Time as the swarms see it.
  coarse_seconds coarse_now() const { return swarm_config_.now(); }

private:
  explicit node(const node_config& config);

  result<void> share_registry();
  void spawn_all(metrics::registry& metrics);
  void spawn_swarm_side(metrics::registry& metrics);
  void tell_spent(cluster_side& side);
  result<void> configure_swarms();
  void replicate(metrics::registry& metrics);
  void add_metrics(metrics::registry& metrics);
  void add_swarm_metrics(metrics::registry& metrics);
  void add_object_metrics(metrics::registry& metrics);
  void add_upload_metrics(metrics::registry& metrics);
  void add_agent_metrics(metrics::registry& metrics);
  result<void> open_objects();
  result<void> load_secret();
  result<void> reach_origins(metrics::registry& metrics);
  void spawn_mirror_maker(metrics::registry& metrics);
  void spawn_gatherer(metrics::registry& metrics);
  pull_errands_actor spawn_errands(metrics::registry& metrics);
  void spawn_preheater(metrics::registry& metrics);
  void load_blocklist();
  void restore_swarms();

  /// @returns whether the last stop was orderly; a second call, or one after a crash, says no.
  bool take_clean_mark();

  /// Writes swarms and counters to the disk. @returns the number of swarms.
  uint64_t save();
  void end_all();

  class duties;

  node_config config_;
  caf::actor_system_config caf_config_;
  std::unique_ptr<lmdb_store> store_;
  std::unique_ptr<object_store> objects_;
  std::unique_ptr<object_claims> claims_;
  std::unique_ptr<webseed_side> web_origins_; // Null: no origins are asked.
  swarm_directory directory_;
  std::unique_ptr<replica_state> replicas_; // Null, as the next two: the node is alone.
  std::unique_ptr<replication> replication_;
  std::unique_ptr<duties> duties_;
  swarm_config swarm_config_;
  registry_config registry_config_;
  std::array<registry_shard_actor, registry_shard_count> registry_;
  webseed_actor webseed_;
  piece_finder_actor pieces_;
  object_gatherer_actor gatherer_; // Invalid: the node is alone.
  pull_errands_actor errands_;     // The same.
  mirror_maker_actor mirrors_;
  preheater_actor preheater_;
  caf::actor snapshotter_;
  caf::actor caretaker_;
  caf::actor spent_teller_;                           // Invalid: the node is alone.
  std::unique_ptr<cluster_registry> shared_registry_; // Null: the node is alone.
  // Actors use everything above and below: `stop` has it go first.
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<upload_book> uploads_;
  // The links may outlive the node.
  std::shared_ptr<agent_book> agents_;
  std::shared_ptr<spent_book> spent_;       // Null: the node is alone.
  std::unique_ptr<inquiry_desk> inquiries_; // The same.
};

} // namespace shoal
