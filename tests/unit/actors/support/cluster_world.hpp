// SPDX-License-Identifier: Apache-2.0
#pragma once

// After CAF_SUITE only.

#include "actors/error.hpp"
#include "actors/node.hpp"
#include "tests/unit/cluster/support/hub_node.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/scoped_actor.hpp>

namespace shoal::test {

/// A node of a cluster in this process: real links, a real etcd, no edges. Who owns what is what
/// the test says.
struct cluster_node : cluster::link_listener {
  cluster_node(std::string id, const etcd_cluster& etcd, fs::path folder) : name{std::move(id)} {
    cluster::link_hub_config links;
    links.self = {"test", name, 1, 7, 1, 1};
    links.listen = {ip_address::v4({127, 0, 0, 1}), 0};
    links.insecure = true;
    hub = std::move(cluster::link_hub::start(links).value());
    hub->listen(*this);
    cluster::registry_service_config service;
    service.engine.cluster = "world";
    service.engine.node = name;
    service.engine.claims_counters = false;
    service.engine.incarnation = 1;
    service.etcd.endpoints = etcd.urls();
    cluster_parts parts;
    parts.cluster = "world";
    parts.links = hub.get();
    parts.routes = &routes;
    parts.start_registry = [service, this](lmdb_store& store, cluster::registry_listener& who) {
      return cluster::start_registry_service(service, store, routes, who);
    };
    parts.stopped = [this](const error& why) { stopped = why.code; };
    node_config config;
    config.data_dir = std::move(folder);
    config.map_bytes_max = uint64_t{1} << 30;
    config.private_network = true;
    config.snapshot_period = std::chrono::hours{1};
    config.registry_parts = parts;
    auto started = node::start(config, metrics);
    if (!started)
      CAF_FAIL(to_string(started.error()));
    it = std::move(*started);
  }

  ~cluster_node() override { it.reset(); }

  void link_up(const std::string& node, uint64_t, uint32_t) override {
    routes.set_reachable(routes.number_of(node), true);
    ++ups;
  }
  void link_down(const std::string& node, uint64_t, const error&) override {
    routes.set_reachable(routes.number_of(node), false);
  }

  cluster::link_peer record() const { return {name, 1, {hub->address().str()}}; }

  template <class Reply, class Target, class Message>
  result<Reply> ask(const Target& target, Message what) {
    caf::scoped_actor self{it->system()};
    result<Reply> got = fail(ec::timeout);
    self->request(target, std::chrono::seconds{20}, std::move(what))
        .receive([&](Reply& x) { got = std::move(x); },
                 [&](caf::error& why) { got = tl::unexpected{from_caf(why)}; });
    return got;
  }

  result<registry_entry> enter(const registry_entry& entry) {
    return ask<registry_entry>(it->registry_of(entry.hashes.primary_swarm()),
                               register_entry{entry});
  }

  result<registry_entry> look(const std::string& hash) {
    info_hash swarm;
    std::copy_n(as_bytes(hash).begin(), info_hash::size_bytes, swarm.bytes.begin());
    return ask<registry_entry>(it->registry_of(swarm), lookup_entry{hash});
  }

  search_page search(uint32_t limit, uint64_t offset, search_sort by = search_sort::created_at) {
    search_query query;
    query.q = "model";
    query.limit = limit;
    query.offset = offset;
    query.sort = by;
    auto page = ask<search_page>(it->shared_registry()->reader(), query);
    CAF_REQUIRE(page);
    return std::move(*page);
  }

  std::string name;
  cluster::slot_routes routes{name};
  metrics::registry metrics;
  std::atomic<unsigned> ups{0};
  std::atomic<ec> stopped{ec::ec_sentinel_};
  std::unique_ptr<cluster::link_hub> hub;
  std::unique_ptr<node> it;
};

/// Three of them: a, b and c own a third of the slots each; the next one stands by.
struct cluster_world {
  cluster_world() {
    for (auto* name : {"a", "b", "c"})
      nodes.push_back(std::make_unique<cluster_node>(name, etcd, folder.path() / name));
    std::vector<cluster::link_peer> all;
    for (auto& x : nodes)
      all.push_back(x->record());
    for (auto& x : nodes)
      x->hub->follow(all);
    eventually([&] {
      return std::all_of(nodes.begin(), nodes.end(), [](auto& x) { return x->ups >= 2; });
    });
    own(a(), 0, 84, &b());
    own(b(), 85, 169, &c());
    own(c(), 170, 255, &a());
  }

  cluster_node& a() { return *nodes[0]; }
  cluster_node& b() { return *nodes[1]; }
  cluster_node& c() { return *nodes[2]; }

  /// As membership does it: the key in etcd, then what everybody sees.
  void own(cluster_node& who, size_t first, size_t last, cluster_node* standby) {
    coordination::transaction put;
    for (auto slot = first; slot <= last; ++slot)
      put.then.push_back({keys.owner(slot), who.name + " 1", 0});
    auto done = commit(on, *client, std::move(put));
    CAF_REQUIRE(done && done->succeeded);
    who.routes.set_lease_end(mono_time::max());
    for (auto& x : nodes)
      for (auto slot = first; x && slot <= last; ++slot) {
        auto second = standby ? x->routes.number_of(standby->name) : cluster::nobody;
        x->routes.set_epoch(slot, x.get() == &who ? done->revision : 0);
        x->routes.set_route(slot, {x->routes.number_of(who.name), second});
      }
  }

  /// The process ends, and nobody owns its slots yet.
  void kill(size_t which) { nodes[which].reset(); }

  etcd_cluster etcd;
  loop on;
  std::unique_ptr<coordination::etcd_client> client = connect(on, etcd);
  cluster::key_space keys{"shoal/"};
  temp_folder folder;
  std::vector<std::unique_ptr<cluster_node>> nodes;
};

} // namespace shoal::test
