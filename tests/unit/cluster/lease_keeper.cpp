// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.lease_keeper

#include "cluster/lease_keeper.hpp"

#include "tests/sim/etcd_model.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::sim;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

/// A keeper that is advanced every 50 ms.
struct fixture {
  fixture() {
    etcd.faults().trip_min = 100ms;
    etcd.faults().trip_max = 100ms;
    etcd.faults().expiry_lag_max = 0s;
  }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      if (advanced)
        keeper.advance();
      time.run_for(50ms);
    }
  }

  bool holds() const { return keeper.holds(time.now()); }
  bool exists() const { return etcd.state().has_lease(keeper.lease()); }

  timeline time{1};
  etcd_model etcd{time, {}};
  std::unique_ptr<etcd_link> link = etcd.connect();
  lease_keeper::clock clock = [this] { return time.now(); };
  lease_keeper keeper{*link, {}, clock};
  bool advanced = true;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lease_keeper_tests, fixture)

CAF_TEST(a lease is held as long as it is renewed) {
  CAF_CHECK(!holds());
  run_for(300ms);
  CAF_CHECK(holds());
  run_for(60s);
  CAF_CHECK(holds() && exists());
  CAF_CHECK_EQUAL(keeper.generation(), 1u);
}

CAF_TEST(a lease is given up a margin before it can end) {
  run_for(250ms); // Asked for at 0, so it ends at 5.1 s.
  advanced = false;
  run_for(3700ms);
  CAF_CHECK(holds()); // 3.95 s.
  run_for(50ms);
  CAF_CHECK(!holds()); // 4 s: counted from the question.
  CAF_CHECK(exists());
  run_for(1150ms);
  CAF_CHECK(!exists());
}

CAF_TEST(a lease that was renewed late but not too late goes on) {
  run_for(300ms);
  auto lease = keeper.lease();
  link->cut(true, true);
  run_for(4200ms);
  CAF_CHECK(!holds());
  link->cut(false, false);
  run_for(2s);
  CAF_CHECK(holds());
  CAF_CHECK_EQUAL(keeper.lease(), lease);
}

CAF_TEST(after a lease has ended there is another) {
  run_for(300ms);
  auto lease = keeper.lease();
  link->cut(true, true);
  run_for(10s);
  link->cut(false, false);
  run_for(3s);
  CAF_CHECK(holds() && exists());
  CAF_CHECK(keeper.lease() != lease);
  CAF_CHECK_EQUAL(keeper.generation(), 2u);
}

CAF_TEST(lost answers are made up for before the time is over) {
  etcd.faults().lost = 200;
  run_for(300s);
  CAF_CHECK(keeper.generation() < 4);
}

CAF_TEST(a lease that is ended on purpose is not had again) {
  run_for(300ms);
  auto lease = keeper.lease();
  int told = 0;
  keeper.end([&] { ++told; });
  CAF_CHECK(!holds());
  run_for(10s);
  CAF_CHECK_EQUAL(told, 1);
  CAF_CHECK(!etcd.state().has_lease(lease));
  CAF_CHECK_EQUAL(keeper.lease(), 0);
}

CAF_TEST(a keeper without a lease ends at once) {
  int told = 0;
  keeper.end([&] { ++told; });
  CAF_CHECK_EQUAL(told, 1);
}

CAF_TEST(answers to a keeper that is gone do no harm) {
  {
    lease_keeper gone{*link, {}, clock};
    gone.advance();
  }
  time.run_for(10s);
  CAF_CHECK_EQUAL(keeper.lease(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
