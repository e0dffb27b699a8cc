// SPDX-License-Identifier: Apache-2.0
// The model of etcd does what etcd does, as far as both can be asked the same questions.
#define CAF_SUITE cluster.etcd_model_conformance

#include "tests/sim/etcd_model.hpp"
#include "tests/unit/cluster/support/store_conformance.hpp"

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

struct fixture {
  sim::timeline time{1};
  sim::etcd_model model{time, {}};
  std::unique_ptr<sim::etcd_link> link = model.connect();
  store_conformance all{*link,
                        [this](const std::function<bool()>& so) {
                          while (!so())
                            CAF_REQUIRE(time.step(time.now() + 60s));
                        },
                        [this] { return time.now() + 20s; },
                        [this](uint64_t revision) { model.compact(revision); }};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_model_conformance_tests, fixture)

CAF_TEST(transactions) {
  all.transactions();
}
CAF_TEST(failed transactions) {
  all.failed_transactions();
}
CAF_TEST(pages) {
  all.pages_of_one_revision();
}
CAF_TEST(watches) {
  all.watches_resume();
}
CAF_TEST(progress) {
  all.progress_of_watches();
}
CAF_TEST(compaction) {
  all.compaction();
}
CAF_TEST(leases end) {
  all.leases_end();
}
CAF_TEST(leases are revoked) {
  all.leases_are_revoked();
}
CAF_TEST(histories) {
  for (unsigned seed = 1; seed <= 20; ++seed)
    all.history(seed);
}

CAF_TEST_FIXTURE_SCOPE_END()
