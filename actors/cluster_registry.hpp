// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/object_finder.hpp"
#include "actors/object_replicator.hpp"
#include "actors/registry_feed.hpp"
#include "actors/registry_peers.hpp"
#include "core/metrics.hpp"

#include <caf/actor_system.hpp>

namespace shoal {

/// What a node needs to be one of many. All outlive the node, and the links are told to follow
/// others only once it has started.
struct cluster_parts {
  std::string cluster; ///< Its id.
  cluster::links* links = nullptr;
  const cluster::slot_routes* routes = nullptr;

  /// Begins the node's part in the cluster's registry: `cluster::start_registry_service`.
  std::function<result<std::unique_ptr<cluster::registry_service>>(lmdb_store&,
                                                                   cluster::registry_listener&)>
      start_registry;

  std::string zone; ///< Of this node.

  /// Where other nodes read this node's objects, "host:port"; empty: nowhere yet. Any thread.
  std::function<std::string()> bulk_address = [] { return std::string{}; };

  /// Names of the other nodes that are there. Any thread.
  std::function<std::vector<std::string>()> others = [] { return std::vector<std::string>{}; };

  /// All nodes that are there, this one too. Any thread. Empty: objects have no homes.
  std::function<std::vector<cluster::candidate>()> candidates;
  std::string self; ///< This node's name.
  size_t copies = 2;
  std::chrono::seconds copies_absence = defaults::copies_absence;

  /// etcd went back in time: the process must stop. On the commit thread; has been logged.
  std::function<void(const error&)> stopped;

  std::chrono::seconds first_view_patience{30}; ///< Since something of it came last.
};

/// A node's registry as a part of the cluster's: the commit thread, what feeds memory from it, and
/// the actors that speak with other nodes. Nothing of it exists on a single node.
class cluster_registry {
public:
  using shards = std::array<registry_shard_actor, registry_shard_count>;

  /// Begins, and waits until there is something to read. All outlive this.
  /// @errors as `start_registry`; ec::unavailable: no view in time; ec::corrupt: etcd went back;
  /// ec::conflict: the store holds a registry that is no copy of a cluster's.
  static result<std::unique_ptr<cluster_registry>>
  start(const cluster_parts& parts, lmdb_store& store, swarm_directory& directory);

  cluster_registry(const cluster_registry&) = delete;
  cluster_registry& operator=(const cluster_registry&) = delete;

  cluster::registry_service& service() const { return *service_; }
  const cluster::slot_routes& routes() const { return *parts_.routes; }

  // -- in this order, before the shards load ----------------------------------------------

  /// What this node owes the cluster's objects; null: they have no homes.
  object_duties* duties() const { return duties_.get(); }

  commit_writer_actor spawn_writer(caf::actor_system& sys, metrics::registry& metrics);

  /// From the shards' start on they are told of all that changes.
  void attach(caf::actor_system& sys, const shards& to, const catalog_actor& catalog,
              const object_steward_actor& steward, object_store& objects, object_claims& claims);

  /// Ends the actors. @param then waits for all actors of the system; then the commit thread ends.
  void end(const std::function<void()>& then);

  // -- for edges -----------------------------------------------------------------------------

  /// What takes the place of that shard.
  const registry_shard_actor& proxy(size_t number) const { return proxies_[number]; }
  const registry_reader_actor& reader() const { return reader_; }
  const object_keeper_actor& keeper() const { return peers_.keeper; }
  const object_finder_actor& finder() const { return finder_; }

  /// Nobody: objects have no homes.
  const object_replicator_actor& replicator() const { return replicator_; }

  /// Whoever can bring objects says so here.
  object_pulls& pulls() { return pulls_; }

  /// How old this node's copy is, in seconds; 0 if it is as new as can be told.
  uint64_t staleness_s() const;

private:
  void spawn_replicator(caf::actor_system& sys, const object_steward_actor& steward,
                        object_store& objects, object_claims& claims);

  explicit cluster_registry(const cluster_parts& parts, const lmdb_store& store,
                            swarm_directory& directory);

  cluster_parts parts_;
  const lmdb_store& store_;
  registry_feed feed_;
  std::unique_ptr<cluster::registry_service> service_;
  cluster::registry_service* service_handle_ = nullptr; // As the writer has it.
  std::unique_ptr<search_meters> meters_;
  registry_peers peers_;
  shards proxies_;
  registry_reader_actor reader_;
  registry_host_actor host_;
  object_finder_actor finder_;
  object_pulls pulls_;
  std::unique_ptr<object_duties> duties_;
  object_replicator_actor replicator_;
  std::shared_ptr<late_mail> host_mail_;
  std::shared_ptr<late_mail> keeper_mail_;
  std::shared_ptr<late_mail> replicator_mail_;
};

} // namespace shoal
