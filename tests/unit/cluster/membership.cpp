// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.membership

#include "tests/unit/cluster/support/membership_fixture.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::sim;
using namespace shoal::test;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(membership_tests, membership_fixture)

CAF_TEST(a node alone owns everything and nobody stands by) {
  add("a");
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots);
  CAF_CHECK(!node("a").members()->holders(0).standby);
}

CAF_TEST(a node that joins gets its share handed over warm) {
  add("a");
  settle();
  add("b");
  settle();
  CAF_CHECK_EQUAL(owned("a") + owned("b"), slots);
  CAF_CHECK(owned("b") >= slots / 3);
  CAF_CHECK(unowned_max < 100ms); // Nobody acts while the transaction is under way.
  CAF_CHECK_EQUAL(standbys("a") + standbys("b"), slots);
}

CAF_TEST(a node does not join once what it was started on has changed) {
  coordination::condition unmoved{"shoal/migration", coordination::condition::what::mod_revision,
                                  0};
  config.join_when = {unmoved};
  put(unmoved.key, "somebody entries ");
  add("a");
  run_for(30s);
  CAF_CHECK(!node("a").members()->joined());
  CAF_CHECK(!node("a").members()->guard_of_self());
  CAF_REQUIRE(!failures.empty());
  CAF_CHECK_EQUAL(failures[0].code, ec::conflict);
  CAF_CHECK(failures.size() < 10u);
  put(unmoved.key, std::nullopt);
  settle();
  CAF_CHECK(node("a").members()->joined());
  auto self = node("a").members()->guard_of_self();
  CAF_REQUIRE(self);
  put("mine", "1", self);
  CAF_CHECK(etcd.state().find("mine"));
  self->equals += 1;
  put("yours", "1", self);
  CAF_CHECK(!etcd.state().find("yours"));
}

CAF_TEST(movement is limited in each period) {
  config.moves_per_period = 1;
  config.move_period = 10s;
  add("a");
  settle();
  add("b");
  run_for(15s);
  CAF_CHECK(owned("b") <= 2);
  run_for(200s);
  CAF_CHECK(owned("b") >= slots / 3);
}

CAF_TEST(a hurry holds for what etcd had when it was asked for) {
  add("a");
  add("b");
  settle();
  put("shoal/drains/b", "asked");
  settle();
  CAF_REQUIRE_EQUAL(owned("b"), 0u);
  // Nodes are told before their watches bring the change.
  etcd.on_change = [this](const etcd_state::change& made) {
    if (made.events[0].kv.key == "shoal/drains/b")
      for (auto& n : nodes)
        n->members()->hurry();
  };
  put("shoal/drains/b", std::nullopt);
  etcd.on_change = nullptr;
  run_for(2s); // Without a hurry nothing would move before three seconds of calm.
  CAF_CHECK(owned("b") >= slots / 3);

  CAF_MESSAGE("and no longer: who comes later waits for calm");
  add("c");
  run_for(2s);
  CAF_CHECK(node("c").members()->joined());
  CAF_CHECK_EQUAL(owned("c"), 0u);
  settle();
  CAF_CHECK(owned("c") > 0u);
}

CAF_TEST(no slot is handed over to a standby that fell behind) {
  add("a");
  settle();
  add("b");
  run_for(1s); // They are warm by now, but nothing moves before three seconds of calm.
  auto* a = node("a").members();
  CAF_CHECK_EQUAL(standbys("b"), slots);
  for (size_t s = 0; s < slots; ++s)
    a->standby_fell_behind(s);
  run_for(60s);
  CAF_CHECK_EQUAL(owned("b"), 0u);
  for (size_t s = 0; s < slots; ++s)
    a->standby_is_ready(s, a->holders(s).standby.revision - 1); // A former one.
  run_for(60s);
  CAF_CHECK_EQUAL(owned("b"), 0u);
  for (size_t s = 0; s < slots; ++s)
    a->standby_is_ready(s, a->holders(s).standby.revision);
  settle();
  CAF_CHECK(owned("b") >= slots / 3);
}

CAF_TEST(a node that restarts at once moves no slot of others) {
  for (auto id : {"a", "b", "c"})
    add(id);
  settle();
  auto kept = owned("b") + owned("c");
  CAF_REQUIRE(kept < slots);
  auto before = log.size();
  node("a").crash();
  node("a").start();
  run_for(7s); // Its lease ends, the standbys take over, it is back, nothing has moved yet.
  for (auto at = before; at < log.size(); ++at)
    CAF_CHECK(log[at].find(" lost ") == std::string::npos);
  settle();
  CAF_CHECK_EQUAL(owned("b") + owned("c"), kept);
}

CAF_TEST(the standby of a node that dies takes over when its lease has ended) {
  add("a");
  add("b");
  settle();
  auto before = owned("b");
  node("a").crash();
  run_for(3s);
  CAF_CHECK_EQUAL(owned("b"), before);
  run_for(4s);
  CAF_CHECK_EQUAL(owned("b"), slots);
}

CAF_TEST(a node that hangs owns nothing when it wakes up) {
  add("a");
  add("b");
  settle();
  auto before = owned("a");
  CAF_REQUIRE(before > 0);
  node("a").pause();
  run_for(10s);
  CAF_CHECK_EQUAL(owned("b"), slots);
  // What the process would do before it looks at anything but its clock.
  auto* a = node("a").members();
  for (size_t s = 0; s < slots; ++s)
    CAF_CHECK(!a->owns(s, node("a").local_now()));
  node("a").resume();
  settle();
  CAF_CHECK_EQUAL(owned("a"), before);
}

CAF_TEST(a node that is cut off stops before its lease ends) {
  add("a");
  settle();
  node("a").cut(true, true);
  run_for(4500ms);
  CAF_CHECK_EQUAL(owned("a"), 0u);
  CAF_CHECK(etcd.state().find("shoal/slots/00/owner"));
  node("a").cut(false, false);
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots);
}

CAF_TEST(a node that tells roles keeps them while it is cut off and may not write) {
  config.tells_roles = true;
  add("a");
  add("b");
  settle();
  auto changes = log.size();
  etcd.set_available(false);
  run_for(20s);
  CAF_CHECK_EQUAL(log.size(), changes);
  CAF_CHECK_EQUAL(owned("a") + owned("b"), 0u);
  CAF_CHECK(!node("a").members()->guard(0, node("a").local_now()));
  etcd.set_available(true);
  settle();
  CAF_CHECK_EQUAL(owned("a") + owned("b"), slots);
}

CAF_TEST(etcd away for less than a lease changes nothing) {
  add("a");
  add("b");
  settle();
  auto changes = log.size();
  etcd.set_available(false);
  run_for(2500ms);
  etcd.set_available(true);
  settle();
  CAF_CHECK_EQUAL(log.size(), changes);
}

CAF_TEST(a node that leaves hands over all and ends its lease) {
  add("a");
  add("b");
  settle();
  auto begin = time.now();
  node("a").leave(30s);
  while (node("a").is_leaving())
    run_for(10ms);
  CAF_CHECK(time.now() < begin + 20s);
  CAF_CHECK_EQUAL(owned("b"), slots);
  CAF_CHECK(!etcd.state().find("shoal/nodes/a"));
  CAF_CHECK(unowned_max < 100ms);
}

CAF_TEST(a node that is drained gives up its slots until it is wanted again) {
  add("a");
  add("b");
  add("c");
  settle();
  put("shoal/drains/a", "");
  settle();
  CAF_CHECK_EQUAL(owned("a"), 0u);
  CAF_CHECK_EQUAL(standbys("a"), 0u);
  CAF_CHECK(node("a").members()->is_idle());
  put("shoal/drains/a", std::nullopt);
  settle();
  CAF_CHECK(owned("a") > 0);
  CAF_CHECK(unowned_max < 100ms);
}

CAF_TEST(the last node that is drained keeps what nobody else takes) {
  add("a");
  settle();
  put("shoal/drains/a", "");
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots);
  CAF_CHECK(node("a").members()->is_idle());
}

CAF_TEST(a node whose id is taken says so and waits) {
  add("a");
  settle();
  auto& twin
      = nodes.emplace_back(std::make_unique<sim_node>(etcd, config_of("a"), node_clock{}, *this));
  twin->start();
  run_for(30s);
  CAF_CHECK(!failures.empty() && failures[0].code == ec::conflict);
  CAF_CHECK_EQUAL(owned("a"), slots);
  node("a").crash();
  run_for(15s);
  CAF_CHECK(twin->members()->joined());
}

CAF_TEST(a node that starts again waits for the end of its former life) {
  add("a");
  settle();
  node("a").crash();
  node("a").start();
  run_for(3s);
  CAF_CHECK_EQUAL(owned("a"), 0u);
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots);
  CAF_CHECK(failures.empty());
}

CAF_TEST(an ownership key that nobody understands is left alone) {
  put("shoal/slots/00/owner", "?");
  add("a");
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots - 1);
  put("shoal/slots/00/owner", std::nullopt);
  settle();
  CAF_CHECK_EQUAL(owned("a"), slots);
}

CAF_TEST(a durable write carries the epoch and is refused to a former owner) {
  add("a");
  settle();
  auto guard = node("a").members()->guard(0, node("a").local_now());
  CAF_REQUIRE(guard);
  CAF_CHECK_EQUAL(guard->key, "shoal/slots/00/owner");
  auto key = etcd.state().find("shoal/slots/00/owner");
  CAF_REQUIRE(key);
  CAF_CHECK_EQUAL(guard->equals, key->mod_revision);
  node("a").crash();
  run_for(10s);
  put("shoal/data/x", "1", *guard);
  CAF_CHECK(!etcd.state().find("shoal/data/x"));
}

CAF_TEST(a hand over of which nothing is heard is settled before the owner acts again) {
  add("a");
  settle();
  etcd.faults().lost = 300;
  add("b");
  run_for(60s);
  etcd.faults().lost = 0;
  settle();
  CAF_CHECK_EQUAL(owned("a") + owned("b"), slots);
  CAF_CHECK_EQUAL(overlaps, 0u);
}

CAF_TEST(after a restore of etcd from an old backup the node owns nothing) {
  add("a");
  settle();
  auto backup = etcd.state();
  put("shoal/slots/noise", "1");
  CAF_REQUIRE(etcd.state().revision() > backup.revision());
  etcd.restore(backup);
  run_for(20s);
  CAF_CHECK(!failures.empty() && failures[0].code == ec::corrupt);
  CAF_CHECK_EQUAL(owned("a"), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
