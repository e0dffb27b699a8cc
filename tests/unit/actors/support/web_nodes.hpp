// SPDX-License-Identifier: Apache-2.0
#pragma once

// After CAF_SUITE only.

#include "actors/peer.hpp"
#include "actors/swarm_relay.hpp"
#include "actors/web_relay.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/wired_links.hpp"

namespace shoal::test {

using texts = std::vector<std::string>;

/// A client, as its socket would be.
struct fake_line : web_line {
  void say(std::string_view json) override { heard.emplace_back(json); }
  void may_answer_until(mono_time) override {}
  void answer_dropped() override { ++dropped; }
  ip_address address() const override { return ip_address::v4({10, 0, 0, 1}); }
  void peer_ended() override {}

  /// @returns what it has heard since it was asked last.
  texts news() { return std::exchange(heard, {}); }

  texts heard;
  int dropped = 0;
  peer_actor peer;
};

/// A node with clients by WebSocket, beside the swarms of `config`.
class web_node {
public:
  web_node(caf::actor_system& sys, wired_links::net& net, const std::string& name,
           swarm_config& config, mono_time& clock)
      : routes{name}, between{net, name}, places{between, routes}, relay{between, places, routes,
                                                                         numbers},
        swarms{between, places, routes, numbers}, settings{config}, loop{sys, [] {}},
        gate{tracker_config{}, *config.directory, hash_key{}, numbers}, counted{numbers} {
    loop.bind_to_this_thread();
    relay.attach(sys, {config.directory, &config.shards, std::chrono::seconds{config.web_ttl_s}});
    swarms.attach(sys, *config.directory, config.shards);
    desk.loop = &loop;
    desk.directory = config.directory;
    desk.shards = &config.shards;
    desk.gate = &gate;
    desk.metrics = &counted;
    desk.relay = &relay;
    desk.now = [&clock] { return clock; };
    for (auto& line : lines)
      line.peer = connect_peer(sys, desk, line);
  }

  /// @param epoch this node's, if it is the owner.
  void route(size_t slot, const std::string& owner, const std::string& standby,
             uint64_t epoch = 1) {
    routes.set_route(slot, {routes.number_of(owner), routes.number_of(standby)});
    routes.set_epoch(slot, routes.number_of(owner) == cluster::this_node ? epoch : 0);
    for (auto& one : {owner, standby})
      if (!one.empty())
        routes.set_reachable(routes.number_of(one), true);
  }

  cluster::slot_routes routes;
  metrics::registry numbers;
  wired_links between;
  swarm_places places;
  web_relay relay;
  swarm_relay swarms;
  swarm_config& settings;
  loop_unit loop;
  tracker_gate gate;
  web_metrics counted;
  web_desk desk;
  std::array<fake_line, 2> lines;
};

/// Nodes a, b and c, each with swarms of its own; those of the tracker_fixture are b's. In the
/// beginning b owns all slots and c stands by.
struct web_fixture : tracker_fixture {
  web_fixture() {
    route("b", "c");
    for (auto* node : {&a, &b, &c})
      node->routes.set_lease_end(clock + std::chrono::hours{1});
  }

  ~web_fixture() override {
    for (auto* node : {&a, &b, &c})
      for (auto& line : node->lines)
        disconnect_peer(line.peer);
    settle();
    for (auto* node : {&a, &b, &c}) {
      CAF_CHECK_EQUAL(node->desk.peers, 0u);
      for (auto& line : node->lines)
        line.peer = peer_actor{};
      node->relay.stop();
      node->swarms.stop();
    }
    settings.others = nullptr;
    end_actors();
    for (auto* own : {&of_a, &of_c})
      for (size_t slot = 0; slot < slot_count; ++slot)
        for (auto& swarm : own->directory.swarms_in(slot))
          kill(swarm);
    for (auto* own : {&of_a, &of_c})
      own->settings.shards = {};
    advance(std::chrono::seconds{10});
  }

  void route(const std::string& owner, const std::string& standby) {
    for (auto* node : {&a, &b, &c})
      for (size_t slot = 0; slot < slot_count; ++slot)
        node->route(slot, owner, standby);
  }

  /// Lets all that is under way arrive.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      for (auto* node : {&a, &b, &c}) {
        drain();
        node->loop.run();
        node->relay.run(clock);
      }
    }
  }

  void pass(mono_time::duration time) {
    clock += time;
    settle();
  }

  static peer_id id_of(char who) {
    peer_id id;
    id.bytes.fill(static_cast<uint8_t>(who));
    return id;
  }

  static ws_offer offer(char name, std::string sdp) {
    ws_offer o;
    o.id.bytes.fill(static_cast<uint8_t>(name));
    o.sdp = std::move(sdp);
    return o;
  }

  /// What a client says that is named so.
  web_announce hello(char who, uint64_t left, announce_event event = announce_event::none) const {
    web_announce req;
    req.swarm = hash;
    req.id = id_of(who);
    req.identity = static_cast<uint8_t>(who);
    req.client = ip_address::v4({10, 0, 0, 1});
    req.left = left;
    req.event = event;
    return req;
  }

  void say(web_node& node, size_t line, web_announce req) {
    auto swarm = node.desk.directory->lookup(req.swarm).swarm;
    caf::anon_send(node.lines[line].peer, std::move(req), swarm);
    settle();
  }

  void answer(web_node& node, size_t line, char from, char to, const ws_offer& what) {
    caf::anon_send(node.lines[line].peer, web_answer{hash, id_of(from), id_of(to), what});
    settle();
  }

  /// As the sweep of the sockets does when routes have changed.
  void look_again(web_node& node) {
    for (auto& line : node.lines)
      caf::anon_send(line.peer, atom::refresh::value);
    settle();
  }

  std::string reply(unsigned complete, unsigned incomplete) const {
    std::string out;
    append_ws_reply(out, {hash, 120, complete, incomplete});
    return out;
  }

  std::string offered(char from, const ws_offer& what) const {
    std::string out;
    append_ws_offer(out, hash, id_of(from), what);
    return out;
  }

  std::string answered(char from, const ws_offer& what) const {
    std::string out;
    append_ws_answer(out, hash, id_of(from), what);
    return out;
  }

  /// {seeders, leechers} of the swarm at a node; {0, 0} if there is none.
  std::pair<unsigned, unsigned> counts(const web_node& node) {
    auto swarm = node.desk.directory->lookup(hash).swarm;
    if (!swarm)
      return {0, 0};
    auto all = must<swarm_numbers>(swarm, scrape_swarm{hash});
    return {all.complete, all.incomplete};
  }

  /// A swarm side beside that of the tracker_fixture.
  struct own_swarms {
    explicit own_swarms(web_fixture& world) {
      settings.peers.private_network = true;
      interval_config exact;
      exact.jitter_percent = 0;
      settings.intervals.configure(exact);
      settings.peers.clients = &settings.clients;
      settings.directory = &directory;
      settings.accounts = world.booking;
      settings.registry_of = world.settings.registry_of;
      settings.now = world.settings.now;
      for (auto& slot : settings.shards)
        slot = world.track(world.sys.spawn<shard, caf::lazy_init>(&settings));
      world.drain();
    }

    swarm_directory directory;
    swarm_config settings;
  };

  const info_hash hash = hash20('h');
  mono_time clock = mono_time{} + std::chrono::hours{1};
  own_swarms of_a{*this};
  own_swarms of_c{*this};
  wired_links::net net;
  web_node a{sys, net, "a", of_a.settings, clock};
  web_node b{sys, net, "b", settings, clock};
  web_node c{sys, net, "c", of_c.settings, clock};
};

} // namespace shoal::test
