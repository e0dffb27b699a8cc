// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/registry_host.hpp"
#include "actors/registry_proxy.hpp"
#include "cluster/registry_service.hpp"
#include "tests/sim/tracker_world.hpp"

namespace shoal::sim {

/// The registry of a process of a node, as far as single keys go: the real proxy, which finds the
/// owner of a key over simulated links, and the real host, which answers there. In the place of the
/// registry's shards, which need LMDB, stands an actor that reads the node's copy and writes
/// through its commit store.
class sim_registrar final : cluster::registry_service {
public:
  /// @param routes, links outlive it.
  sim_registrar(tracker_world& world, sim_node& node, cluster::links& links,
                const cluster::slot_routes& routes);
  ~sim_registrar() override;

  const registry_shard_actor& proxy() const { return proxy_; }

  /// The hash that is registered under a key, another one of the same entry whose slot is another,
  /// and the key.
  static info_hash hash_of(size_t slot, uint16_t number);
  static info_hash second_hash_of(size_t slot, uint16_t number, size_t other_slot);
  static std::string key_of(std::string_view hash);

private:
  class shard;

  // -- registry_service, as far as proxy and host use it
  void commit(commit_request, cluster::commit_store::callback then) override;
  bool count(const cluster::counter_key&, const cluster::counter_amounts&) override { return true; }
  cluster::counter_amounts pending(const cluster::counter_key&) const override { return {}; }
  void flush(std::function<void(result<void>)> then) override { then({}); }
  void reach(uint64_t revision) override { node_.reach(revision); }
  uint64_t ask_proof() override { return node_.ask_proof(); }
  uint64_t proven() const override { return node_.proven(); }
  uint64_t revision() const override { return node_.copy_revision(); }
  cluster::registry_status status() const override { return {}; }
  result<void> await_first_view(std::chrono::milliseconds) override { return {}; }

  tracker_world& world_;
  sim_node& node_;
  std::unique_ptr<registry_peers> peers_;
  registry_shard_actor shard_;
  registry_shard_actor proxy_;
  registry_host_actor host_;
};

} // namespace shoal::sim
