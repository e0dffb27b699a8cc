// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.replication_threads

#include "actors/replication.hpp"
#include "actors/shard.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

constexpr uint8_t slot = 7;

/// Hands messages over at once, on whatever thread.
struct direct_links final : cluster::links {
  void call(const std::string&, uint16_t kind, std::string body, mono_time deadline,
            callback then) override {
    if (!other)
      return then(fail(ec::unavailable));
    cluster::link_message x{"peer", kind, body, deadline, true};
    other->handlers.at(kind)(x, cluster::link_reply{std::move(then)});
  }
  void tell(const std::string&, uint16_t, std::string) override {}
  void serve(uint16_t kind, handler who) override { handlers[kind] = std::move(who); }
  void listen(cluster::link_listener&) override {}
  void follow(std::vector<cluster::link_peer>) override {}

  direct_links* other = nullptr;
  std::map<uint16_t, handler> handlers;
};

edge_actor::behavior_type deaf_edge() {
  return {[](const announce_reply&) {}, [](const scrape_reply&) {}};
}

/// A node with threads: CAF's and the replication's.
struct node {
  node() {
    settings.peers.private_network = true;
    settings.peers.clients = &settings.clients;
    settings.intervals.configure({});
    settings.directory = &directory;
    settings.now = [] { return coarse_seconds{1000}; };
    state.attach(settings);
    edge = sys.spawn(deaf_edge);
    for (auto& s : settings.shards)
      s = sys.spawn<shard, caf::lazy_init>(&settings);
    slot_duties duties;
    duties.standby_is_ready = [this](size_t, uint64_t revision) { ready = revision; };
    duties.standby_fell_behind = [this](size_t) { ready = 0; };
    duties.owner = [](size_t) { return std::string{}; };
    replicas = std::make_unique<replication>(sys, state, links, duties);
  }

  ~node() {
    replicas->stop();
    caf::scoped_actor self{sys};
    auto end = [&](const auto& x) {
      caf::anon_send_exit(x, caf::exit_reason::kill);
      self->wait_for(x);
    };
    for (auto& s : settings.shards)
      end(s);
    for (auto& swarm : directory.swarms_in(slot))
      end(swarm);
    end(edge);
    settings.shards = {};
    edge = nullptr;
  }

  replica_state state;
  swarm_directory directory;
  swarm_config settings;
  direct_links links;
  std::atomic<uint64_t> ready = 0;
  caf::actor_system_config cfg;
  caf::actor_system sys{cfg};
  edge_actor edge;
  std::unique_ptr<replication> replicas;
};

void eventually(const std::function<bool()>& so) {
  for (auto end = mono_now() + 25s; !so();) {
    if (mono_now() >= end)
      CAF_FAIL("it did not happen");
    std::this_thread::sleep_for(1ms);
  }
}

announce_request hello(uint8_t swarm, uint32_t n) {
  announce_request req;
  req.swarm.bytes[0] = slot;
  req.swarm.bytes[1] = swarm;
  req.peer = {ip_address::v4({10, uint8_t(n >> 16), uint8_t(n >> 8), uint8_t(n)}), 1};
  req.identity = mix_bits(n);
  return req;
}

void announce(node& to, const announce_request& req) {
  if (auto swarm = to.directory.lookup(req.swarm).swarm)
    caf::anon_send(swarm, req, to.edge);
  else
    caf::anon_send(to.settings.shards[slot], req, to.edge);
}

} // namespace

CAF_TEST(while swarms change on many threads the copy follows and is taken over) {
  constexpr uint32_t peers = 20'000;
  node a;
  node b;
  a.links.other = &b.links;
  b.links.other = &a.links;
  a.replicas->start();
  b.replicas->start();
  a.replicas->acquired(slot, 5);
  b.replicas->standing_by(slot, 5);
  for (uint32_t i = 0; i < peers / 2; ++i)
    announce(a, hello(uint8_t(i % 50), i));
  cluster::held_role role;
  role.by.node = "b";
  role.revision = 77;
  a.replicas->standby_changed(slot, role);
  for (uint32_t i = peers / 2; i < peers; ++i)
    announce(a, hello(uint8_t(i % 50), i));
  eventually([&] { return b.state.copies.count().peers == peers && a.ready == 77; });
  CAF_MESSAGE("it takes over while it is announced to");
  a.replicas->stop();
  b.replicas->acquired(slot, 9);
  for (uint32_t i = 0; i < peers + 100; i += 3)
    announce(b, hello(uint8_t(i % 50), i));
  eventually([&] { return b.directory.peer_count() == peers + 33; });
  CAF_CHECK_EQUAL(b.state.copies.count().swarms, 0u);
  CAF_CHECK_EQUAL(b.replicas->report().takeovers, 1u);
}
