// SPDX-License-Identifier: Apache-2.0
// A node's part in the cluster, on a real etcd.
#define CAF_SUITE cluster.node_member

#include "cluster/member.hpp"

#include "tests/unit/cluster/support/etcd_process.hpp"

#include <algorithm>
#include <condition_variable>
#include <set>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// Links that lead nowhere, but for who is followed.
struct no_links final : links {
  void call(const std::string&, uint16_t, std::string, mono_time, callback then) override {
    then(fail(ec::unavailable));
  }
  void tell(const std::string&, uint16_t, std::string) override {}
  void serve(uint16_t, handler) override {}
  void listen(link_listener& who) override { listener = &who; }
  void follow(std::vector<link_peer> peers) override {
    std::lock_guard guard{mutex};
    followed = std::move(peers);
  }

  std::mutex mutex;
  link_listener* listener = nullptr;
  std::vector<link_peer> followed;
};

/// Says at once that its standbys have everything.
struct duties final : membership_listener, member_listener {
  void acquired(size_t, uint64_t) override { ++owned; }
  void lost(size_t, uint64_t) override { --owned; }
  void standby_changed(size_t slot, const held_role& standby) override {
    if (standby)
      self->standby_is_ready(slot, standby.revision);
  }
  void standing_by(size_t, uint64_t) override {}
  void stood_down(size_t) override {}
  void view_changed() override {}
  void failed(const error&) override {}
  void keys_changed(std::string_view name) override {
    std::lock_guard guard{mutex};
    told.emplace(name);
  }
  void cannot_go_on(const error& why) override {
    std::lock_guard guard{mutex};
    failure = why;
  }

  member* self = nullptr;
  std::atomic<int> owned{0};
  std::mutex mutex;
  std::optional<error> failure;
  std::set<std::string> told; // Names of keys.
};

struct node {
  node(const etcd_cluster& etcd, const std::string& id, std::string cluster_id = {}) : routes{id} {
    member_config config;
    config.etcd.endpoints = etcd.urls();
    config.wish.id = std::move(cluster_id);
    auto& of = config.membership;
    of.self.id = id;
    of.self.incarnation = std::hash<std::string>{}(id) | 1;
    of.self.addresses = {"127.0.0.1:1"};
    of.calm = 100ms;
    of.moves_per_period = 256;
    auto made = member::start(config, routes, said);
    CAF_REQUIRE(made);
    at = std::move(*made);
    said.self = at.get();
  }

  void join() {
    CAF_REQUIRE(at->await_identity(20s));
    at->join(said, between);
  }

  slot_routes routes;
  no_links between;
  duties said;
  std::unique_ptr<member> at;
};

void until(const std::function<bool()>& so) {
  auto deadline = mono_now() + 30s;
  while (!so() && mono_now() < deadline)
    std::this_thread::yield();
  CAF_REQUIRE(so());
}

size_t routed_to(const slot_routes& routes, node_number node) {
  size_t count = 0;
  for (size_t slot = 0; slot < slot_count; ++slot)
    count += routes.route(slot).owner == node;
  return count;
}

/// Placement allows each 10 % more than half.
bool share(const node& a, const node& b) {
  return a.said.owned >= 115 && b.said.owned >= 115 && a.said.owned + b.said.owned == slot_count;
}

} // namespace

CAF_TEST(nodes share the slots and the keys and hand over what they have when they leave) {
  etcd_cluster etcd;
  node a{etcd, "a"};
  a.join();
  until([&] { return a.said.owned == slot_count; });
  CAF_CHECK_EQUAL(routed_to(a.routes, this_node), slot_count);
  CAF_CHECK(a.routes.may_write(7, mono_now()).has_value());
  node b{etcd, "b"};
  b.join();
  CAF_CHECK(*a.at->await_identity(0ms) == *b.at->await_identity(0ms));
  for (auto name : {"udp", "tickets", "passkeys", "signing", "sessions", "identities"}) {
    CAF_CHECK(a.at->ring(name) == b.at->ring(name));
    until([&] {
      std::lock_guard guard{b.said.mutex};
      return b.said.told.contains(name);
    });
  }
  until([&] { return share(a, b); });
  until([&] { return b.at->view()->misplaced == 0 && b.at->view()->nodes.size() == 2; });
  auto is_own = [](auto& slot) { return slot.role == slot_role::owner; };
  auto seen = b.at->view();
  auto own = std::count_if(seen->slots.begin(), seen->slots.end(), is_own);
  CAF_CHECK(own == b.said.owned);
  auto other = a.routes.number_of("b");
  until([&] { return int(routed_to(a.routes, other)) == b.said.owned; });
  CAF_CHECK_EQUAL(a.between.followed.size(), 2u);
  a.at->leave();
  CAF_CHECK(a.at->await_idle(20s));
  a.at->end();
  until([&] { return b.said.owned == slot_count; });
  CAF_CHECK_EQUAL(routed_to(b.routes, this_node), slot_count);
}

CAF_TEST(somebody can ask a node to give up its slots and to take them again) {
  etcd_cluster etcd;
  node a{etcd, "a"};
  node b{etcd, "b"};
  a.join();
  b.join();
  until([&] { return share(a, b); });
  b.at->drain("a", true, [](const result<void>& done) { CAF_CHECK(done); });
  until([&] { return a.said.owned == 0 && b.said.owned == slot_count; });
  until([&] { return b.at->view()->nodes.front().is_draining; });
  b.at->drain("a", false, [](const result<void>& done) { CAF_CHECK(done); });
  until([&] { return share(a, b); });
}

CAF_TEST(reachability follows the links) {
  etcd_cluster etcd;
  node a{etcd, "a"};
  a.join();
  auto b = a.routes.number_of("b");
  a.between.listener->link_up("b", 1, 1);
  CAF_CHECK(a.routes.is_reachable(b));
  a.between.listener->link_down("b", 1, {ec::unavailable, {}});
  CAF_CHECK(!a.routes.is_reachable(b));
}

CAF_TEST(another cluster and an etcd that is away are told apart) {
  etcd_cluster etcd;
  node a{etcd, "a"};
  CAF_REQUIRE(a.at->await_identity(20s));
  node b{etcd, "b", "0123456789abcdef0123456789abcdef"};
  auto known = b.at->await_identity(20s);
  CAF_REQUIRE(!known);
  CAF_CHECK_EQUAL(name(known.error().code), "conflict");
  etcd.kill(0);
  node c{etcd, "c"};
  auto unknown = c.at->await_identity(1ms);
  CAF_REQUIRE(!unknown);
  CAF_CHECK_EQUAL(name(unknown.error().code), "timeout");
}
