// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_node.hpp"

#include <string>

namespace shoal::test {

using namespace std::chrono_literals;

/// Nodes a, b, c ... on a model of etcd. Watches over every event: how often two nodes would have
/// acted for a slot, and how long the longest time was that nobody did after somebody had.
struct membership_fixture : sim::node_observer {
  static constexpr size_t slots = 16;

  membership_fixture() {
    config.placement.slots = slots;
    etcd.faults().trip_max = 2ms;
    owned_at.resize(slots);
  }

  cluster::membership_config config_of(const std::string& id) const {
    auto c = config;
    c.self.id = id;
    return c;
  }

  void add(const std::string& id) {
    nodes.push_back(std::make_unique<sim::sim_node>(etcd, config_of(id), sim::node_clock{}, *this));
    nodes.back()->start();
  }

  sim::sim_node& node(const std::string& id) {
    for (auto& n : nodes)
      if (n->id() == id)
        return *n;
    SHOAL_CHECK(false);
    return *nodes.front();
  }

  void run_for(sim::duration span) {
    auto end = time.now() + span;
    while (time.step(end))
      look();
    time.run_until(end);
    look();
  }

  void settle() { run_for(30s); }

  void look() {
    for (size_t s = 0; s < slots; ++s) {
      size_t owners = 0;
      for (auto& n : nodes)
        owners += n->owns(s).has_value();
      overlaps += owners > 1;
      if (owners > 0) {
        if (owned_at[s] != mono_time{})
          unowned_max = std::max<sim::duration>(unowned_max, gap[s]);
        owned_at[s] = time.now();
        gap[s] = {};
      } else {
        gap[s] = time.now() - owned_at[s];
      }
    }
  }

  size_t owned(const std::string& id) {
    size_t count = 0;
    for (size_t s = 0; s < slots; ++s)
      count += node(id).owns(s).has_value();
    return count;
  }

  /// As etcd has it.
  size_t standbys(const std::string& id) {
    size_t count = 0;
    cluster::key_space keys{"shoal/"};
    for (size_t s = 0; s < slots; ++s) {
      auto kv = etcd.state().find(keys.standby(s));
      count += kv && kv->value.starts_with(id + ' ');
    }
    return count;
  }

  void put(const std::string& key, std::optional<std::string> value,
           std::optional<coordination::condition> when = {}) {
    coordination::transaction what{{}, {{key, std::move(value), 0}}, {}};
    if (when)
      what.when.push_back(*when);
    operator_link->commit(std::move(what), time.now() + 1s, [](const auto&) {});
    run_for(100ms);
  }

  void acquired(const std::string& who, size_t slot, uint64_t epoch) override {
    log.push_back(who + " acquired " + std::to_string(slot) + ' ' + std::to_string(epoch));
  }
  void lost(const std::string& who, size_t slot, uint64_t epoch) override {
    log.push_back(who + " lost " + std::to_string(slot) + ' ' + std::to_string(epoch));
  }
  void warmed(size_t, uint64_t) override {}
  void failed(const std::string&, const error& why) override { failures.push_back(why); }

  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> operator_link = etcd.connect();
  cluster::membership_config config;
  std::vector<std::unique_ptr<sim::sim_node>> nodes;
  std::vector<std::string> log;
  std::vector<error> failures;
  size_t overlaps = 0;
  sim::duration unowned_max{0};
  std::vector<mono_time> owned_at;
  std::array<sim::duration, slots> gap{};
};

} // namespace shoal::test
