// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_shard.hpp"

#include <mutex>
#include <unordered_set>

namespace shoal {

/// Tells a node's memory what changed in its copy of the registry, from the commit thread: the
/// blocklist itself, all else by word to the catalog and to each shard. What is sent here is in
/// their mailboxes before whoever caused it hears that it is done.
class registry_feed final : public cluster::registry_listener {
public:
  using shards = std::array<registry_shard_actor, registry_shard_count>;

  /// @param store, directory outlive this. @param stopped the node must not go on: etcd went back
  /// in time. Called on the commit thread; may be empty.
  registry_feed(const lmdb_store& store, swarm_directory& directory,
                std::function<void(const error&)> stopped);

  /// The actors are going to read the store: what changes from now on they might miss.
  void begin();

  /// They are there.
  void attach(const shards& to, catalog_actor catalog, object_steward_actor steward);
  void detach() { attach({}, {}, {}); }

  void applied(uint64_t revision, cluster::registry_changes changes) override;
  void replaced(uint64_t revision) override;
  void failed(const error& why) override;

private:
  void tell(const registry_step& step);
  void settle_blocked(const info_hash& hash);
  bool is_blocked(const info_hash& hash) const;

  const lmdb_store& store_;
  swarm_directory& directory_;
  std::mutex mutex_;
  shards shards_;
  catalog_actor catalog_;
  object_steward_actor steward_; // May be nobody.
  bool missed_ = false;          // Something has changed since `begin`.
  std::function<void(const error&)> stopped_;
};

} // namespace shoal
