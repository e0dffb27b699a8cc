// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_port.hpp"
#include "actors/relay_hub.hpp"
#include "cluster/route_writer.hpp"
#include "tests/sim/sim_registrar.hpp"

#include <list>
#include <map>
#include <set>

namespace shoal::sim {

/// Who hears how announces end.
class announce_watcher {
public:
  virtual ~announce_watcher() = default;

  /// @param client as it was given. @param reply null: without peers, as nobody else answers.
  virtual void answered(size_t client, const announce_reply* reply, duration took) = 0;

  /// The process has gone, and the connection with it. @param waited while the process did not
  /// hang.
  virtual void hung_up(size_t client, duration waited) = 0;
};

/// A process of a node as far as announces go: an edge, its relay, links, routes, swarms and their
/// replication, all real, driven by virtual time.
class sim_tracker final : public node_service {
public:
  sim_tracker(tracker_world& world, sim_node& node, announce_watcher& watcher);
  ~sim_tracker() override;

  const std::string& id() const { return node_.id(); }
  const sim_node& node() const { return node_; }

  /// A client announces here. @param client for the watcher.
  void announce(announce_request req, size_t client);

  /// A client asks the registry here: lookup_entry, seek_entry or register_entry.
  /// @param then not called if the process ends before. Gets how long it took, without the time for
  /// which the process hung.
  template <class Question>
  void ask_registry(Question what,
                    std::function<void(const result<registry_entry>&, duration)> then) {
    turn_edge_clock();
    auto since = *questions_.insert(awake());
    auto done = [this, since, then = std::move(then)](const result<registry_entry>& answer) {
      questions_.erase(questions_.find(since));
      then(answer, awake() - since);
    };
    port_->ask<registry_entry>(registrar_->proxy(), std::move(what), std::move(done));
    plan_turn();
  }

  /// How long the longest waits for an answer, without the time for which the process hangs.
  duration longest_wait() const;

  bool hangs() const { return paused_; }

  /// When it began to hang; now, if it does not.
  mono_time hangs_since() const { return paused_ ? paused_at_ : world_.time.now(); }

  /// Peers of the swarms that live here, and whether they seed, by identity.
  using peers = std::map<uint64_t, bool>;
  peers living(const info_hash& swarm) const;
  std::vector<info_hash> swarms(size_t slot) const;
  bool copy_knows(const info_hash& swarm, uint64_t identity) const {
    replica_peer any;
    any.identity = identity;
    return state_->replicas.copies.knows(swarm, any);
  }
  size_t copied_peers() const { return state_->replicas.copies.count().peers; }

  mono_time gave_strays_at() const { return links_->gave_at(); }

  /// The revision of the standby's key that this owner holds for ready; 0: none.
  uint64_t ready(size_t slot) const { return ready_[slot]; }
  bool reaches(const std::string& node) const;

  /// Since when it has been told nothing new about the slot.
  duration has_role_for(size_t slot) const { return world_.time.now() - told_at_[slot]; }

  /// For how long it has known that it stands by for the slot.
  duration stands_by_for(size_t slot) const { return world_.time.now() - no_standby_at_[slot]; }
  bool is_acting(size_t slot) const { return state_->routes.epoch(slot) != 0; }

  // -- node_service
  void acquired(size_t slot, uint64_t epoch) override;
  void lost(size_t slot, uint64_t epoch) override;
  void standby_changed(size_t slot, const cluster::held_role& standby) override;
  void standing_by(size_t slot, uint64_t epoch) override;
  void stood_down(size_t slot) override;
  void view_changed() override;
  void looked(const cluster::membership& at) override;
  void pause(bool yes) override;
  bool is_idle() const override { return waiting_.empty() && questions_.empty(); }
  void ends(bool in_order) override;

  /// Called when the process ends and still is all there.
  std::function<void(sim_tracker&, bool in_order)> on_end;

  /// Called before the process forgets its copy of a slot.
  std::function<void(sim_tracker&, size_t slot)> on_drop;

private:
  /// A client that waits.
  struct waiter;

  void open_swarms();
  void open_links();
  void turn_edge_clock() const;
  void plan_turn();
  void turn();
  void tick();
  void sweep();
  duration awake() const;

  tracker_world& world_;
  sim_node& node_;
  announce_watcher& watcher_;
  std::unique_ptr<tracker_swarms> state_;
  metrics::registry numbers_;
  sim_host* host_ = nullptr;
  std::unique_ptr<clocked_links> links_;
  std::unique_ptr<cluster::route_writer> writer_;
  std::unique_ptr<relay_hub> hub_;
  std::unique_ptr<edge_port> port_;
  std::unique_ptr<sim_registrar> registrar_;
  std::unique_ptr<replication> replication_;
  std::array<uint64_t, slot_count> ready_{};
  std::array<mono_time, slot_count> told_at_;
  std::array<mono_time, slot_count> no_standby_at_; // As far as it knew.
  std::list<waiter> waiting_;
  std::multiset<duration> questions_; // Of the registry: when they were asked.
  bool paused_ = false;
  bool turn_planned_ = false;
  bool turn_missed_ = false; // While it hung.
  mono_time paused_at_{};
  duration hung_{0};
  mono_time swept_{};
  mono_time expired_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::sim
