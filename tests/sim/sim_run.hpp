// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_ledger.hpp"
#include "tests/sim/sim_traffic.hpp"

namespace shoal::sim {

struct run_plan {
  uint64_t seed = 1;
  size_t slots = 16;
  duration trouble = std::chrono::seconds{40}; ///< Faults, then peace.
  duration peace = std::chrono::seconds{120};  ///< Within which all must be well again.
  cluster::flaw broken = cluster::flaw::none;
  cluster::traffic_flaw traffic_broken = cluster::traffic_flaw::none;
  uint64_t traffic_share = 4; ///< Of so many seeds one has clients who announce. 1: all.
  bool trace = false;         ///< Prints what happens.
};

struct run_outcome {
  std::vector<std::string> violations; ///< At most one of each kind.
  duration converged{0};               ///< After the last fault.
  uint64_t events = 0;
  uint64_t acquired = 0;
  uint64_t acknowledged = 0; ///< Writes, as the next two.
  uint64_t refused = 0;      ///< Certainly not done.
  uint64_t unknown = 0;
  uint64_t reads = 0;                     ///< Of keys at their owners.
  std::map<std::string, uint64_t> faults; ///< How often each was injected.
  std::map<std::string, uint64_t> steps;  ///< How often slots changed hands in which way.
  std::optional<traffic_tally> traffic;   ///< Of seeds that have any.
  duration unowned{0};                    ///< All slots together, during the faults.
};

/// One run: some nodes, faults that a seed chooses, and what must hold.
///  - always: at most one node would act as a slot's owner, by true time and whatever its clock;
///    an epoch has one owner, and later owners have greater ones; no write of a node is applied
///    when another owns the slot; slots are handed over to standbys that are ready
///  - in the end: every slot is owned and stood by for where placement wants it, all nodes see the
///    same, and all copies of the registry are what etcd has
///  - for the registry's clients: see sim_ledger; for those who announce: see sim_traffic
/// In some of the seeds with announces there are no faults: nodes only come, leave and are drained.
class sim_run : public node_observer {
public:
  explicit sim_run(const run_plan& plan);
  run_outcome run();

private:
  void make_traffic();
  void make_nodes();
  void end_traffic();
  void step_until(mono_time end);
  void check_owners();
  void check_change(const etcd_state::change& made);
  void check_write(uint64_t revision, const coordination::watch_event& e);
  void follow_slot(const coordination::watch_event& e, bool standby_went);
  void check_end();
  void check_flushes();
  /// @returns what is not as it should be in the end, or nothing.
  std::string unsettled() const;
  void violation(const std::string& kind, const std::string& detail);
  void note(const std::string& what);

  // -- sim_faults.cpp
  void schedule_faults();
  void inject();
  void fault(const std::string& name, const std::string& whom = {});
  void inject_peacefully();
  void crash_some(sim_node& n);
  void pause_some(sim_node& n);
  void cut_some(sim_node& n);
  void disturb_etcd();
  void disturb_disk(sim_node& n);
  void drain_some(sim_node& n);
  void drain_for_a_while(sim_node& n);
  void double_some(sim_node& n);
  void schedule_writes();
  void heal();
  void set_drain(const std::string& node, bool yes);

  void acquired(const std::string& node, size_t slot, uint64_t epoch) override;
  void lost(const std::string& node, size_t slot, uint64_t epoch) override;
  void warmed(size_t slot, uint64_t revision) override { warm_.emplace(slot, revision); }
  void asked(const sim_write& of) override { ledger_.asked(of); }
  void answered(const sim_write& of, const result<uint64_t>& outcome, uint64_t copy_at) override {
    ledger_.answered(of, outcome, copy_at);
  }
  void read(size_t slot, const std::string& key, const std::optional<versioned>& seen,
            uint64_t copy_at) override {
    ledger_.read(slot, key, seen, copy_at);
  }
  void counted(const std::string& counter, uint64_t amount) override {
    ledger_.counted(counter, amount);
  }
  void forgotten(const std::string& counter, uint64_t amount) override {
    ledger_.forgotten(counter, amount);
  }
  void failed(const std::string& node, const error& why) override;

  run_plan plan_;
  timeline time_;
  etcd_model etcd_;
  cluster::key_space keys_{"shoal/"};
  std::unique_ptr<etcd_link> operator_;
  bool strict_ = false;
  run_outcome outcome_;
  sim_ledger ledger_;
  uint64_t data_at_ = 0; // Revision of the last change of data.
  mono_time calm_;
  bool healed_ = false;
  std::map<size_t, std::pair<uint64_t, std::string>> epochs_; // The last of each slot.
  std::map<std::string, coordination::key_value> held_;       // Ownership keys before a change.
  std::set<std::pair<size_t, uint64_t>> warm_;                // Slots and revisions of standbys.
  std::vector<const sim_node*> owners_;                       // Of each slot, when last looked.
  mono_time looked_;

  // Last, because nodes tell of their end.
  std::unique_ptr<sim_traffic> traffic_; // Null: nobody announces.
  std::vector<std::unique_ptr<sim_node>> nodes_;
  std::vector<std::unique_ptr<sim_node>> doubles_; // Of nodes, with folders of their own.
  std::vector<sim_node*> all_;                     // Both.
};

} // namespace shoal::sim
