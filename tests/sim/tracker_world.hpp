// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/replication.hpp"
#include "cluster/slot_routes.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_node.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

/// What simulated trackers stand on: actors under virtual time, and links.
namespace shoal::sim {

/// The swarms of one process of a node. What is left of them waits for the end of the run: actors
/// that retired end some seconds later.
struct tracker_swarms {
  explicit tracker_swarms(const std::string& node) : routes{node} {}

  swarm_directory directory;
  swarm_config config;
  replica_state replicas;
  cluster::slot_routes routes;
};

/// What all trackers of a run share.
struct tracker_world {
  tracker_world(timeline& t, size_t slots_used);
  ~tracker_world();

  /// Lets actors do all that they have to do now. @returns whether there was anything.
  bool drain();

  timeline& time;
  const size_t slots;
  sim_network net;
  caf::actor_system_config caf_config;
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler;
  caf::scoped_execution_unit unit;
  cluster::traffic_flaw broken = cluster::traffic_flaw::none;
  mono_time caf_time;                                   ///< Up to which actors' timers have fired.
  std::vector<std::unique_ptr<tracker_swarms>> remains; ///< Of processes that have ended.
};

/// Links of one node, which shows its own clock to those who use them.
class clocked_links final : public cluster::links {
public:
  /// @param heard is called after each message and each answer.
  clocked_links(timeline& time, sim_host& to, const node_clock& clock, std::function<void()> heard)
      : time_{time}, to_{to}, clock_{clock}, heard_{std::move(heard)} {}

  void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
            callback then) override;
  void tell(const std::string& node, uint16_t kind, std::string body) override {
    to_.tell(node, kind, std::move(body));
  }
  void serve(uint16_t kind, handler who) override;
  void listen(cluster::link_listener& who) override { to_.listen(who); }

  /// By true time, when an owner has taken strays last.
  mono_time gave_at() const { return gave_at_; }

  void follow(std::vector<cluster::link_peer> peers) override { to_.follow(std::move(peers)); }

private:
  timeline& time_;
  sim_host& to_;
  const node_clock clock_;
  const std::function<void()> heard_;
  mono_time gave_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::sim
