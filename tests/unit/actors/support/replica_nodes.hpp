// SPDX-License-Identifier: Apache-2.0
#pragma once

// After CAF_SUITE only.

#include "actors/replication.hpp"
#include "core/log.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"

#include <map>
#include <set>

namespace shoal::test {

using namespace std::chrono_literals;

/// Nodes with real swarms, real replication and real links, the latter over a network in virtual
/// time. Who owns what, the tests say.
class replica_nodes : public actor_fixture {
public:
  static constexpr uint8_t slot = 0x11;

  /// Which nodes have a link to one.
  struct reached final : cluster::link_listener {
    void link_up(const std::string& name, uint64_t, uint32_t) override { up.insert(name); }
    void link_down(const std::string& name, uint64_t, const error&) override { up.erase(name); }
    std::set<std::string> up;
  };

  struct node {
    explicit node(std::string n) : name{std::move(n)} {}

    std::string name;
    swarm_directory directory;
    swarm_config settings;
    replica_state state;
    sim::sim_host* host = nullptr;
    reached reaches;
    std::map<size_t, uint64_t> ready; ///< Revision of the standby that is, by slot.
    size_t fell_behind = 0;
    std::unique_ptr<replication> replicas; // Ends first.
  };

  replica_nodes() {
    spdlog::set_level(spdlog::level::off); // Links come and go.
    edge = track(sys.spawn(listening_edge, &heard));
    for (auto* name : {"a", "b", "c"})
      start(name);
    for (auto& [name, n] : nodes)
      for (auto& [other, ignored] : nodes)
        peers[name].push_back({other, 1, {other}});
    for (auto& [name, n] : nodes)
      n->host->follow(peers[name]);
    run_for(2s);
  }

  ~replica_nodes() override {
    while (!nodes.empty())
      crash(nodes.begin()->first);
    end_actors();
    advance(10s);
  }

  void start(const std::string& name) {
    auto& n = *(nodes[name] = std::make_unique<node>(name));
    n.host = &net.start({"test", name, 1, 7, 1, 1});
    n.settings.peers.private_network = true;
    n.settings.peers.clients = &n.settings.clients;
    interval_config exact;
    exact.jitter_percent = 0;
    exact.min_s = 600; // So that a young swarm gets another interval than an old one.
    n.settings.intervals.configure(exact);
    n.settings.directory = &n.directory;
    n.settings.now = [this] {
      return coarse_seconds(
                 std::chrono::duration_cast<std::chrono::seconds>(time.now().time_since_epoch())
                     .count())
             + older_s;
    };
    n.state.attach(n.settings);
    for (auto& s : n.settings.shards)
      s = sys.spawn<shard, caf::lazy_init>(&n.settings);
    slot_duties duties;
    duties.standby_is_ready = [&n](size_t s, uint64_t revision) { n.ready[s] = revision; };
    duties.standby_fell_behind = [&n](size_t s) { n.ready.erase(s), ++n.fell_behind; };
    duties.owner = [this](size_t) { return owner; };
    duties.reaches = [&n](const std::string& other) { return n.reaches.up.contains(other); };
    n.host->listen(n.reaches);
    n.replicas = std::make_unique<replication>(sys, n.state, *n.host, duties);
  }

  node& at(const std::string& name) { return *nodes.at(name); }

  /// All swarms and their peers are so much older at once; for links no time has passed.
  void grow_older(std::chrono::seconds by) { older_s += coarse_seconds(by.count()); }

  /// The process ends without a word.
  void crash(const std::string& name) {
    auto& n = at(name);
    n.replicas.reset();
    net.crash(name);
    drain();
    for (auto& s : n.settings.shards)
      kill(s);
    for (size_t s = 0; s < slot_count; ++s)
      for (auto& swarm : n.directory.swarms_in(s))
        kill(swarm);
    advance(10s); // Those that have left the directory.
    nodes.erase(name);
  }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      time.run_for(10ms);
      drain();
      for (auto& [name, n] : nodes)
        n->replicas->advance(time.now());
      sched.clock().advance_time(10ms);
      drain();
    }
  }

  /// What membership says when a node becomes the owner and another one its standby.
  void place(const std::string& to, const std::string& standby, uint64_t epoch) {
    owner = to;
    at(to).replicas->acquired(slot, epoch);
    if (!standby.empty())
      stand_by(standby, epoch);
  }

  void stand_by(const std::string& standby, uint64_t epoch) {
    at(standby).replicas->standing_by(slot, epoch);
    cluster::held_role role;
    role.by.node = standby;
    role.lease = 1;
    role.revision = epoch + 1000;
    at(owner).replicas->standby_changed(slot, role);
  }

  static info_hash hash_of(uint32_t number) {
    info_hash h;
    h.bytes[0] = slot;
    for (size_t i = 0; i < 4; ++i)
      h.bytes[1 + i] = uint8_t(number >> (24 - 8 * i));
    return h;
  }

  static announce_request hello(uint32_t swarm, uint32_t n, uint64_t left,
                                announce_event event = announce_event::none) {
    announce_request req;
    req.swarm = hash_of(swarm);
    req.peer = {ip_address::v4({10, 0, uint8_t(n >> 8), uint8_t(n)}), 6881};
    req.identity = mix_bits(n);
    req.left = left;
    req.event = event;
    req.numwant = 1000;
    return req;
  }

  /// Hands it in as an edge does. @returns nothing: the answer comes when actors run.
  void post_announce(const std::string& name, const announce_request& req) {
    auto& n = at(name);
    if (auto swarm = n.directory.lookup(req.swarm).swarm)
      caf::anon_send(swarm, req, edge);
    else
      caf::anon_send(n.settings.shards[slot_of(req.swarm)], req, edge);
  }

  announce_reply announce(const std::string& name, const announce_request& req) {
    auto before = heard.size();
    post_announce(name, req);
    drain();
    CAF_REQUIRE_EQUAL(heard.size(), before + 1);
    return heard.back();
  }

  /// What living swarms of a node hold; zero if there is none.
  swarm_numbers numbers(const std::string& name, uint32_t swarm) {
    auto living = at(name).directory.lookup(hash_of(swarm)).swarm;
    return living ? must<swarm_numbers>(living, scrape_swarm{hash_of(swarm)}) : swarm_numbers{};
  }

  sim::timeline time{1};
  sim::sim_network net{time};
  std::map<std::string, std::unique_ptr<node>> nodes;
  std::map<std::string, std::vector<cluster::link_peer>> peers;
  std::string owner;          ///< As everybody sees it.
  coarse_seconds older_s = 0; ///< See `grow_older`.
  std::vector<announce_reply> heard;
  edge_actor edge;
};

} // namespace shoal::test
