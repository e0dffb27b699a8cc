// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.cluster_admin

#include "actors/cluster_admin.hpp"

#include "actors/cluster_metrics.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/messages/object_copies.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;

namespace {

/// Sees what it is told to see, and notes what it is asked.
struct scripted_member final : member {
  result<std::string> await_identity(std::chrono::milliseconds) override { return "x"; }
  std::optional<key_ring> ring(std::string_view) const override { return std::nullopt; }
  void join(membership_listener&, cluster::links&) override {}
  void standby_is_ready(size_t, uint64_t) override {}
  void standby_fell_behind(size_t) override {}
  void hurry() override { ++hurried; }
  void drain(const std::string& node, bool yes, std::function<void(result<void>)> then) override {
    orders.push_back((yes ? "drain " : "undrain ") + node);
    then(answer);
  }
  std::shared_ptr<const cluster_sight> view() const override {
    return std::make_shared<cluster_sight>(sight);
  }
  void leave() override {}
  bool await_idle(std::chrono::milliseconds) override { return true; }
  void end() override {}

  cluster_sight sight;
  result<void> answer;
  int hurried = 0;
  std::vector<std::string> orders;
};

/// Reaches "b" alone.
struct scripted_links final : links {
  void call(const std::string& node, uint16_t kind, std::string, mono_time,
            callback then) override {
    called.emplace_back(node, kind);
    then(node == "b" ? result<std::string>{body} : fail(ec::unavailable));
  }
  void tell(const std::string&, uint16_t, std::string) override {}
  void serve(uint16_t kind, handler who) override { served[kind] = std::move(who); }
  void listen(link_listener&) override {}
  void follow(std::vector<link_peer>) override {}

  std::string body; ///< What "b" answers.
  std::vector<std::pair<std::string, uint16_t>> called;
  std::map<uint16_t, handler> served;
};

struct fixture {
  fixture() {
    for (auto id : {"a", "b", "c"})
      member.sight.nodes.emplace_back().record.id = id;
    member.sight.slots.resize(slot_count);
    member.sight.slots[7] = {"a", "b", 12, "a", "b", slot_role::owner};
    member.sight.slots[9] = {"c", "a", 13, "a", "c", slot_role::standby};
    member.sight.slots[11] = {"a", "c", 14, "a", "c"}; // Another process has the name.
    member.sight.misplaced = 1;
  }

  ec code_of(result<void> x) const { return x ? ec::ec_sentinel_ : x.error().code; }

  scripted_member member;
  scripted_links between;
  cluster_admin admin{"a", member, between, std::make_shared<link_board>()};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(cluster_admin_tests, fixture)

CAF_TEST(nodes that nobody knows are not drained) {
  CAF_CHECK(code_of(admin.drain("d", true)) == ec::not_found);
  CAF_CHECK(member.orders.empty());
  CAF_CHECK(admin.drain("b", true).has_value());
  CAF_CHECK(admin.drain("b", false).has_value());
  CAF_CHECK((member.orders == std::vector<std::string>{"drain b", "undrain b"}));
}

CAF_TEST(a node that is gone can be let in again) {
  member.sight.drains = {"gone", "other"};
  CAF_CHECK(admin.drain("gone", false).has_value());
  CAF_CHECK_EQUAL(member.orders.back(), "undrain gone");
}

CAF_TEST(what etcd says is passed on) {
  member.answer = fail(ec::unavailable);
  CAF_CHECK(code_of(admin.drain("b", true)) == ec::unavailable);
}

CAF_TEST(a node that drains is asked which objects others lack) {
  auto left_at = [&](const char* node) {
    auto left = admin.objects_left(node);
    CAF_REQUIRE(left);
    return *left;
  };
  CAF_CHECK(admin.objects_left("d").error().code == ec::not_found);
  between.body = to_archive(drain_state{true, 7});
  CAF_CHECK(left_at("b") == 7u);
  CAF_CHECK(between.called.back().second == link_kind::drain_state);
  between.body = to_archive(drain_state{});
  CAF_CHECK(!left_at("b"));
  between.body.clear();
  CAF_CHECK(!left_at("b"));
  CAF_CHECK(!left_at("c"));
}

CAF_TEST(a rebalance says who was reached) {
  auto done = admin.rebalance();
  CAF_REQUIRE(done);
  CAF_CHECK((done->asked == std::vector<std::string>{"a", "b"}));
  CAF_CHECK((done->unreached == std::vector<std::string>{"c"}));
  CAF_CHECK_EQUAL(member.hurried, 1);
  CAF_CHECK_EQUAL(between.called.size(), 2u);
  CAF_CHECK(between.called.front().second == link_kind::hurry);
}

CAF_TEST(without etcd nobody is asked) {
  member.sight.etcd.reachable = false;
  CAF_CHECK(code_of(admin.drain("b", true)) == ec::unavailable);
  CAF_CHECK(member.orders.empty());
  CAF_CHECK(admin.rebalance().error().code == ec::unavailable);
  CAF_CHECK_EQUAL(member.hurried, 0);
}

CAF_TEST(another node may ask this one to hurry) {
  bool answered = false;
  link_message asked;
  asked.from = "b";
  between.served.at(link_kind::hurry)(
      asked, link_reply{[&](result<std::string> x) { answered = x.has_value(); }});
  CAF_CHECK(answered);
  CAF_CHECK_EQUAL(member.hurried, 1);
}

CAF_TEST(metrics have series for the slots of this node) {
  metrics::registry registry;
  slot_routes routes{"a"};
  add_cluster_metrics(registry, member, routes);
  std::string text;
  registry.render(text);
  CAF_MESSAGE(text);
  for (auto line :
       {"shoal_cluster_nodes 3", "shoal_cluster_slots_owned 1", "shoal_cluster_slots_standby 1",
        "shoal_cluster_slots_unowned 253", "shoal_cluster_slots_misplaced 1",
        "shoal_cluster_lease_held 0", "shoal_cluster_slot_epoch{slot=\"7\"} 12",
        "shoal_cluster_slot_epoch{slot=\"9\"} 13",
        "shoal_cluster_slot_role{slot=\"7\",role=\"owner\"} 1",
        "shoal_cluster_slot_role{slot=\"9\",role=\"standby\"} 1", "shoal_etcd_reachable 1"})
    CAF_CHECK(text.find(std::string{line} + '\n') != std::string::npos);
  for (auto slot : {"slot=\"8\"", "slot=\"11\""})
    CAF_CHECK(text.find(slot) == std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
