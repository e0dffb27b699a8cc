// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_node.hpp"

#include <map>

namespace shoal::sim {

struct run_plan {
  uint64_t seed = 1;
  size_t slots = 16;
  duration trouble = std::chrono::seconds{40}; ///< Faults, then peace.
  duration peace = std::chrono::seconds{120};  ///< Within which all must be well again.
  cluster::flaw broken = cluster::flaw::none;
  bool trace = false; ///< Prints what happens.
};

struct run_outcome {
  std::vector<std::string> violations; ///< At most one of each kind.
  duration converged{0};               ///< After the last fault.
  uint64_t events = 0;
  uint64_t acquired = 0;
  uint64_t acknowledged = 0;
  std::map<std::string, uint64_t> faults; ///< How often each was injected.
  std::map<std::string, uint64_t> steps;  ///< How often slots changed hands in which way.
  duration unowned{0};                    ///< All slots together, during the faults.
};

/// One run: some nodes, faults that a seed chooses, and what must hold.
///  - always: at most one node would act as a slot's owner, by true time and whatever its clock;
///    an epoch has one owner, and later owners have greater ones; no write under an epoch is
///    applied when the slot has another; slots are handed over to standbys that are ready
///  - in the end: every slot is owned and stood by for where placement wants it, all nodes see the
///    same, every acknowledged write is there
class sim_run : public node_observer {
public:
  explicit sim_run(const run_plan& plan);
  run_outcome run();

private:
  void make_nodes();
  void step_until(mono_time end);
  void check_owners();
  void check_change(const etcd_state::change& made);
  void check_write(const coordination::key_value& kv);
  void follow_slot(const coordination::watch_event& e, bool standby_went);
  void check_end();
  /// @returns what is not as it should be in the end, or nothing.
  std::string unsettled() const;
  void violation(const std::string& kind, const std::string& detail);
  void note(const std::string& what);

  // -- sim_faults.cpp
  void schedule_faults();
  void inject();
  void fault(const std::string& name, const std::string& whom = {});
  void cut_some(sim_node& n);
  void drain_some(sim_node& n);
  void schedule_writes();
  void heal();
  void set_drain(const std::string& node, bool yes);

  void acquired(const std::string& node, size_t slot, uint64_t epoch) override;
  void lost(const std::string& node, size_t slot, uint64_t epoch) override;
  void warmed(size_t slot, uint64_t revision) override { warm_.emplace(slot, revision); }
  void acknowledged(const std::string& key, const std::string& value) override;
  void failed(const std::string& node, const error& why) override;

  run_plan plan_;
  timeline time_;
  etcd_model etcd_;
  cluster::key_space keys_{"shoal/"};
  std::unique_ptr<etcd_link> operator_;
  std::vector<std::unique_ptr<sim_node>> nodes_;
  run_outcome outcome_;
  mono_time calm_;
  bool healed_ = false;
  std::map<std::string, std::string> acknowledged_;
  std::map<size_t, std::pair<uint64_t, std::string>> epochs_; // The last of each slot.
  std::map<std::string, coordination::key_value> held_;       // Ownership keys before a change.
  std::set<std::pair<size_t, uint64_t>> warm_;                // Slots and revisions of standbys.
  mono_time looked_;
};

} // namespace shoal::sim
