// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/registry_desk.hpp"
#include "tests/sim/etcd_model.hpp"
#include "tests/unit/persistence/support.hpp"

namespace shoal::test {

struct world_node {
  explicit world_node(std::string n) : name{std::move(n)} {}

  std::string name;
  cluster::slot_routes routes{name};
  std::unique_ptr<lmdb_store> store;
  std::unique_ptr<sim::etcd_link> link;
  std::unique_ptr<cluster::registry_desk> desk;
};

/// Registries of several nodes on one model of etcd, in virtual time.
struct registry_world {
  ~registry_world() {
    for (auto& node : nodes)
      node->desk->close();
  }

  world_node& add(const std::string& name, cluster::registry_listener& who) {
    auto& node = *nodes.emplace_back(std::make_unique<world_node>(name));
    node.store = open_store(store_config(folder.path() / name));
    open(node, who);
    return node;
  }

  /// With a store that is somebody else's.
  world_node& add(const std::string& name, lmdb_store& store, cluster::registry_listener& who) {
    auto& node = *nodes.emplace_back(std::make_unique<world_node>(name));
    open(node, store, who);
    return node;
  }

  void open(world_node& node, cluster::registry_listener& who) { open(node, *node.store, who); }

  void open(world_node& node, lmdb_store& store, cluster::registry_listener& who) {
    node.link = etcd.connect();
    node.desk = std::make_unique<cluster::registry_desk>(
        [this](auto what, size_t) {
          time.after(sim::duration{0}, std::move(what));
          return true;
        },
        who, clock);
    cluster::registry_engine_config config;
    config.cluster = "world";
    config.node = node.name;
    config.incarnation = 1;
    config.claims_counters = claims;
    node.desk->open(*node.link, store, node.routes, config);
  }

  /// The node becomes the owner of these slots, in etcd and as all see it.
  void own(world_node& node, size_t first, size_t last) {
    for (auto slot = first; slot <= last; ++slot) {
      auto epoch = put(keys.owner(slot), node.name + " 1");
      for (auto& each : nodes) {
        auto route = each->routes.route(slot);
        route.owner = each->routes.number_of(node.name);
        each->routes.set_route(slot, route);
        each->routes.set_epoch(slot, each.get() == &node ? epoch : 0);
      }
    }
    node.routes.set_lease_end(mono_time::max());
  }

  uint64_t put(const std::string& key, const std::string& value) {
    bool done = false;
    operator_link->commit({{}, {{key, value, 0}}, {}}, time.now() + std::chrono::seconds{1},
                          [&](auto) { done = true; });
    while (!done && time.step()) {
    }
    return etcd.state().find(key)->mod_revision;
  }

  /// Makes the node a member: its record hangs on a lease.
  void join(world_node& node) {
    coordination::lease_id lease = 0;
    operator_link->grant(60, time.now() + std::chrono::seconds{1},
                         [&](result<coordination::lease_id> got) { lease = got.value_or(0); });
    while (lease == 0 && time.step()) {
    }
    bool done = false;
    operator_link->commit({{}, {{keys.node(node.name), "a member", lease}}, {}},
                          time.now() + std::chrono::seconds{1}, [&](auto) { done = true; });
    while (!done && time.step()) {
    }
    node.routes.set_self_lease(lease);
  }

  /// @returns nothing if it succeeds.
  std::optional<ec> commit(world_node& node, commit_request what) {
    auto outcome = std::make_shared<std::optional<result<uint64_t>>>();
    node.desk->commit(std::move(what), [outcome](auto got) { *outcome = std::move(got); });
    for (int i = 0; i < 2000 && !*outcome; ++i)
      run_for(std::chrono::milliseconds{10});
    if (!*outcome)
      return ec::ec_sentinel_;
    return **outcome ? std::nullopt : std::optional{(*outcome)->error().code};
  }

  void run_for(sim::duration span) {
    auto end = time.now() + span;
    do {
      for (auto& node : nodes)
        node->desk->tick({});
      time.run_for(std::min<sim::duration>(end - time.now(), std::chrono::milliseconds{20}));
    } while (time.now() < end);
  }

  bool claims = false; ///< Of nodes that are added.
  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> operator_link = etcd.connect();
  cluster::registry_desk::clock clock = [this] { return time.now(); };
  cluster::key_space keys{"shoal/"};
  temp_folder folder;
  std::vector<std::unique_ptr<world_node>> nodes;
};

} // namespace shoal::test
