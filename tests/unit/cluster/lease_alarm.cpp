// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.lease_alarm

#include "cluster/lease_alarm.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

/// Looks once a second at a node whose thread ticks.
struct alarm_fixture {
  void look_for(std::chrono::seconds span) {
    for (auto end = now + span; now < end;) {
      now += 1s;
      if (ticks)
        state.ticked_at = now;
      if (renewed)
        state.acts_until = now + 4s;
      if (auto news = alarm.look(state, now))
        heard.push_back(*news);
    }
  }

  void must_have_heard(size_t which, std::chrono::seconds without, const std::string& why) {
    CAF_REQUIRE(heard.size() > which);
    CAF_CHECK(heard[which].without == without);
    auto said = heard[which].why;
    CAF_CHECK_EQUAL(said, why);
  }

  mono_time now{1000s};
  lease_state state{now, now + 4s, true, true};
  bool ticks = true;
  bool renewed = true;
  lease_alarm alarm;
  std::vector<lease_alarm::news> heard;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lease_alarm_tests, alarm_fixture)

CAF_TEST(a lease that is renewed or soon comes back is no news) {
  look_for(100s);
  renewed = false;
  look_for(12s); // 4 of them with the lease.
  renewed = true;
  look_for(100s);
  CAF_CHECK(heard.empty());
}

CAF_TEST(a thread that hangs is called by its name until it goes on) {
  ticks = renewed = false;
  look_for(50s);
  must_have_heard(0, 10s, "the thread that keeps it has done nothing for 14 s: restart the node");
  must_have_heard(1, 40s, "the thread that keeps it has done nothing for 44 s: restart the node");
  ticks = renewed = true;
  look_for(60s);
  CAF_CHECK_EQUAL(heard.size(), 3u);
  must_have_heard(2, 47s, "");
}

CAF_TEST(the reason is what the lease waits for) {
  renewed = state.reachable = false;
  look_for(20s);
  state.reachable = true;
  look_for(30s);
  renewed = true;
  state.joined = false;
  look_for(30s);
  must_have_heard(0, 10s, "no member of etcd answers");
  must_have_heard(1, 40s, "etcd answers, but neither grants nor renews it");
  must_have_heard(2, 70s, "etcd does not take the node's record");
}

CAF_TEST(a process that was stopped has a moment to come back) {
  now += 600s;
  renewed = false;
  look_for(8s);
  renewed = true;
  look_for(60s);
  CAF_CHECK(heard.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
