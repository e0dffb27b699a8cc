// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_feed.hpp"

#include "core/log.hpp"

namespace shoal {

registry_feed::registry_feed(const lmdb_store& store, swarm_directory& directory,
                             std::function<void(const error&)> stopped)
    : store_{store}, directory_{directory}, stopped_{std::move(stopped)} {}

void registry_feed::begin() {
  std::lock_guard guard{mutex_};
  missed_ = false;
}

void registry_feed::attach(const shards& to, catalog_actor catalog, object_steward_actor steward) {
  auto missed = false;
  {
    std::lock_guard guard{mutex_};
    shards_ = to;
    catalog_ = std::move(catalog);
    steward_ = std::move(steward);
    missed = catalog_ && std::exchange(missed_, false);
  }
  if (missed)
    tell({});
}

void registry_feed::tell(const registry_step& step) {
  std::lock_guard guard{mutex_};
  if (!catalog_) {
    missed_ = true;
    return;
  }
  caf::anon_send(catalog_, step);
  if (steward_)
    caf::anon_send(steward_, step);
  for (auto& shard : shards_)
    caf::anon_send(shard, step);
}

bool registry_feed::is_blocked(const info_hash& hash) const {
  auto found = store_.get(table::blocked, hash.chars());
  return !found || found->has_value(); // When in doubt, nobody may announce it.
}

void registry_feed::settle_blocked(const info_hash& hash) {
  auto blocked = is_blocked(hash);
  directory_.set_blocked(hash, blocked);
  if (auto swarm = blocked ? directory_.lookup(hash).swarm : swarm_actor{})
    caf::anon_send(swarm, atom::clear::value);
}

void registry_feed::applied(uint64_t, cluster::registry_changes changes) {
  for (auto& change : *changes)
    if (auto hash = info_hash::from_bytes(change.key); hash && change.where == table::blocked)
      settle_blocked(*hash);
  tell({std::move(changes)});
}

void registry_feed::replaced(uint64_t revision) {
  std::unordered_set<info_hash> blocked;
  auto read = store_.scan(table::blocked, {}, [&](auto key, auto, auto) {
    if (auto hash = info_hash::from_bytes(key))
      blocked.insert(*hash);
    return true;
  });
  if (!read)
    log::error("registry", "finds damage in the blocklist error=\"{}\"", to_string(read.error()));
  for (auto& hash : directory_.blocked_hashes())
    if (!blocked.contains(hash))
      settle_blocked(hash);
  for (auto& hash : blocked)
    if (!directory_.lookup(hash).blocked)
      settle_blocked(hash);
  log::info("registry", "has the registry whole revision={} blocked={}", revision, blocked.size());
  tell({});
}

void registry_feed::failed(const error& why) {
  if (why.code != ec::corrupt) {
    log::error("registry", "cannot write its copy error=\"{}\"", to_string(why));
    return;
  }
  log::error("registry",
             "stops: the cluster's etcd is not the one this copy comes from error=\"{}\"",
             to_string(why));
  if (stopped_)
    stopped_(why);
}

} // namespace shoal
