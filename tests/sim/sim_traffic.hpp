// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/etcd_state.hpp"
#include "tests/sim/sim_clients.hpp"
#include "tests/sim/sim_customers.hpp"

#include <map>
#include <set>

namespace shoal::sim {

/// How many announces ended how, and what became of peers.
struct traffic_tally {
  uint64_t announces = 0;
  uint64_t empty = 0;     ///< Answered without peers, as nobody who has the swarm did.
  uint64_t hung_up = 0;   ///< The node that was asked has crashed.
  uint64_t peers = 0;     ///< That had to be known in the end.
  uint64_t fresh = 0;     ///< Lost by a crash within a second of being acknowledged.
  uint64_t bare = 0;      ///< Lost by a crash of the owner while no standby was ready.
  uint64_t stranded = 0;  ///< Lost by a crash of who stood in for an owner out of reach.
  uint64_t dropped = 0;   ///< Lost as who took the slot had no copy.
  uint64_t ghosts = 0;    ///< Have left and are still known.
  uint64_t questions = 0; ///< To the registry,
  uint64_t in_vain = 0;   ///< which nobody could answer.

  traffic_tally& operator+=(const traffic_tally& x);
};

/// Announces through the nodes of a run, which have links, routes and swarms then, and what must
/// hold for those who announce:
///  - an announce to a process that lives is answered within the bound, while it does not hang;
///    with peers if its node and the slot's owner or standby are well and linked, and soon
///  - a peer that was acknowledged is known in the end, unless it has left, or a process crashed
///    that alone had it: because it was acknowledged less than a second before; or because that
///    process owned the slot and had no standby that was ready; or because it stood in for an owner
///    that it could not reach. Or nobody owned the slot any more, and who took it had no copy, as
///    the standby hung or had been replaced
///  - in the end a swarm lives at its owner alone and is copied by its standby, all nodes answer
///    with the same numbers, and these are those of its peers
///  - what those rely on who ask the registry: see sim_customers
///  - without faults nobody is lost, no announce stays unanswered, and nobody is known who has left
///    by a node that had been up for a while, unless the slot moves twice within seconds
class sim_traffic {
public:
  using complaint = std::function<void(const std::string& kind, const std::string& detail)>;
  using scribe = std::function<void(const std::string& what)>;

  /// @param strict there will be no faults: nodes only come, leave and are drained.
  sim_traffic(timeline& time, const etcd_state& etcd, const sim_ledger& ledger, size_t slots,
              bool strict, cluster::traffic_flaw broken, complaint wrong, scribe note);
  ~sim_traffic();

  /// What a node of the run is given. Before it starts.
  std::function<std::unique_ptr<node_service>(sim_node&)> service();

  /// A slot has another owner or standby, by etcd.
  void moved(size_t slot, bool owner);

  /// Somebody has taken a slot that nobody owned.
  void taken(size_t slot);

  /// Something goes wrong between nodes. @returns its name.
  std::string disturb();
  void heal();

  /// The clients begin, and go on until they are to stop.
  void begin(mono_time until);

  /// @returns what is not as it should be in the end, or nothing.
  std::string unsettled() const;

  // In this order, with some seconds of virtual time between them.
  void check_known();
  void announce_again();
  void probe();
  void check_end();

  traffic_tally tally() const;

private:
  using pair = std::pair<std::string, std::string>;

  /// Who has a slot by etcd: the process, if it lives.
  struct role {
    std::string node;
    sim_tracker* process = nullptr;
    uint64_t revision = 0;
  };
  role role_of(size_t slot, bool standby) const;

  sim_tracker* find(const std::string& node) const;
  std::vector<sim_tracker*> running() const;
  void act();
  void watch_waiting();
  void heard(sim_client& who, const announce_reply* reply, duration took);
  bool must_answer(const sim_client& who) const;
  bool must_know(const std::string& node, size_t slot) const;
  bool is_usable(const role& x, const sim_tracker& at, size_t slot, bool acts) const;
  void check_probe(const sim_client& who, const announce_reply* reply);
  void ended(sim_tracker& which, bool in_order);
  void dropped(sim_tracker& which, size_t slot);
  bool is_known_beside(const sim_tracker& which, const sim_client& who) const;
  void lost_with(sim_tracker& which, sim_client& who, bool in_order);
  bool is_linked(const std::string& a, const std::string& b, duration since) const;
  void trouble(const std::string& a, const std::string& b, duration span,
               std::function<void()> end);
  void block(const std::string& from, const std::string& to, duration span);
  void cut_off(const std::string& node, duration span);
  bool has_rested(const sim_client& who) const;
  std::string name_of(const sim_client& who) const;

  timeline& time_;
  const etcd_state& etcd_;
  const bool strict_;
  complaint wrong_;
  scribe note_; // Null: nobody reads it.
  cluster::key_space keys_{"shoal/"};
  tracker_world world_;
  sim_clients clients_;
  sim_customers customers_;
  std::set<std::string> nodes_;
  std::map<std::string, sim_tracker*> trackers_;
  std::map<pair, size_t> troubles_;      // Under way, by pair of nodes in their order.
  std::map<pair, mono_time> trouble_at_; // When the last one ended.
  std::vector<mono_time> moved_at_;
  std::vector<std::vector<mono_time>> owners_began_;
  mono_time until_{};
  bool peace_ = false;
  bool probing_ = false;
  bool over_ = false;
  std::map<info_hash, std::pair<uint32_t, uint32_t>> numbers_; // Seeders and leechers.
  traffic_tally tally_;
};

} // namespace shoal::sim
