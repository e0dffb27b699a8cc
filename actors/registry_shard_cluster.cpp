// SPDX-License-Identifier: Apache-2.0
// How a registry shard of a cluster follows the node's copy.
#include "actors/error.hpp"
#include "actors/registry_shard.hpp"
#include "cluster/home_slot.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <unordered_set>

namespace shoal {

bool registry_shard::is_home_here(const registry_plan& plan) const {
  return config_.routes->route(home_slot(plan.commit)).owner == cluster::this_node;
}

void registry_shard::on_flushed(const counters_flushed& fact) {
  if (cluster_flushes_.empty())
    return;
  auto answer = std::move(cluster_flushes_.front());
  cluster_flushes_.pop_front();
  if (fact.written)
    answer.deliver(atom::flush::value);
  else
    answer.deliver(to_caf({ec::unavailable, "counters wait for etcd"}));
}

/// Whatever a step says, the store says what is so now: what comes late or twice does no harm.
void registry_shard::on_step(const registry_step& step) {
  if (!step.changes) {
    reload();
    return;
  }
  for (auto& change : *step.changes) {
    if (change.where == table::aliases && !change.value)
      follow_alias(change.key);
    else if (change.where == table::entries && !change.key.empty()
             && slot_of_key(table::entries, change.key) * registry_shard_count / slot_count
                    == number_)
      follow_entry(change.key);
  }
}

void registry_shard::follow_entry(const std::string& key) {
  auto found = config_.store->get(table::entries, key);
  if (found && !*found) {
    forget_entry(key);
    return;
  }
  auto record = found ? decode_entry((*found)->value) : tl::unexpected{found.error()};
  if (record)
    show_anew(from_record(*record));
  else
    log::error("registry_shard", "cannot follow an entry error=\"{}\"", to_string(record.error()));
}

/// The hash of an entry that is gone, or has it no more. Whose it was is known here only.
void registry_shard::follow_alias(const std::string& name) {
  auto hash = info_hash::from_bytes(name);
  auto known = hash ? config_.directory->registration_of(*hash) : nullptr;
  if (!known || registry_shard_of(known->primary) != number_)
    return;
  auto stored = config_.store->get(table::aliases, name);
  if (!stored || *stored)
    return;
  config_.directory->drop_registration(*hash);
  if (auto swarm = config_.directory->lookup(*hash).swarm)
    send(swarm, atom::refresh::value);
}

bool registry_shard::is_shown(const registry_entry& entry) const {
  auto counts = counts_.find(entry.hashes.primary_key());
  if (counts == counts_.end())
    return false;
  auto swarms = entry.hashes.swarms();
  return std::all_of(swarms.begin(), swarms.end(), [&](auto& x) {
    auto known = config_.directory->registration_of(x.first);
    return known && known->counts == counts->second && known->source == x.second
           && known->paired == (swarms.size() > 1);
  });
}

void registry_shard::show_anew(const registry_entry& entry) {
  auto is_same = is_shown(entry);
  show(entry);
  if (!is_same)
    refresh_swarms(entry.hashes);
}

void registry_shard::forget_entry(const std::string& key) {
  index_.erase(key);
  counts_.erase(key);
}

/// What is there stays there all the while: announces look at it.
void registry_shard::reload() {
  std::unordered_set<std::string> keys;
  std::unordered_set<info_hash> hashes;
  for_each_stored([&](const registry_entry& entry) {
    keys.insert(entry.hashes.primary_key());
    for (auto& [hash, source] : entry.hashes.swarms())
      hashes.insert(hash);
    show_anew(entry);
  });
  std::vector<std::string> gone;
  for (auto& [key, counts] : counts_)
    if (!keys.contains(key))
      gone.push_back(key);
  for (auto& key : gone)
    forget_entry(key);
  auto is_gone = [&](const info_hash& hash, const registration& entry) {
    return registry_shard_of(entry.primary) == number_ && !hashes.contains(hash);
  };
  for (auto& hash : config_.directory->registered_hashes(is_gone)) {
    config_.directory->drop_registration(hash);
    if (auto swarm = config_.directory->lookup(hash).swarm)
      send(swarm, atom::refresh::value);
  }
  log::info("registry_shard", "is read again number={} entries={}", number_, keys.size());
}

} // namespace shoal
