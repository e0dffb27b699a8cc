// SPDX-License-Identifier: Apache-2.0
// Against a real etcd of one member.
#define CAF_SUITE cluster.etcd_single

#include "tests/unit/cluster/support/etcd_process.hpp"
#include "tests/unit/cluster/support/store_conformance.hpp"

#include <random>

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

/// One for all tests: each has its own keys.
etcd_cluster& shared_etcd() {
  static etcd_cluster made{{1, false, {"--experimental-watch-progress-notify-interval", "200ms"}}};
  return made;
}

struct fixture : loop {
  fixture() : etcd{connect(*this, shared_etcd())} {}

  bool refuses(transaction what, ec why) {
    auto got = all.commit(std::move(what));
    return !got && got.error().code == why;
  }

  std::unique_ptr<etcd_client> etcd;
  store_conformance all{
      *etcd, [this](auto& so) { until(so); }, soon,
      [](uint64_t revision) { shared_etcd().ctl("compaction " + std::to_string(revision)); }};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_single_tests, fixture)

CAF_TEST(a transaction whose conditions hold happens whole) {
  all.transactions();
}

CAF_TEST(a transaction whose conditions fail changes nothing and reads) {
  all.failed_transactions();
}

CAF_TEST(pages of one revision fit together whatever is written meanwhile) {
  all.pages_of_one_revision();
}

CAF_TEST(a watch resumes from any revision and never tears a transaction) {
  all.watches_resume();
}

CAF_TEST(a watch on which nothing happens tells where the store stands) {
  all.progress_of_watches();
}

CAF_TEST(what is compacted can be neither read nor followed) {
  all.compaction();
}

CAF_TEST(keys go with their lease) {
  all.leases_end();
}

CAF_TEST(a lease that is revoked takes its keys at once) {
  all.leases_are_revoked();
}

CAF_TEST(random transactions do what they would do to a map) {
  for (int i = 0; i < 3; ++i)
    all.history(std::random_device{}());
}

CAF_TEST(what etcd refuses is told apart) {
  auto twice = put("bad/a", "1");
  twice.then.push_back(twice.then[0]);
  CAF_CHECK(refuses(twice, ec::invalid_argument));
  transaction many;
  for (int i = 0; i < 200; ++i)
    many.then.push_back({"bad/" + std::to_string(i), "1", 0});
  CAF_CHECK(refuses(many, ec::too_large));
  CAF_CHECK(refuses(put("bad/a", std::string(2 * 1024 * 1024, 'x')), ec::too_large));
  auto leased = put("bad/a", "1");
  leased.then[0].lease = 4711;
  CAF_CHECK(refuses(leased, ec::not_found));
  CAF_CHECK(refuses(put("", "1"), ec::invalid_argument));
  CAF_CHECK(all.read(all_of("bad/"))->keys.empty());
}

CAF_TEST(a page too large for one answer comes in parts) {
  for (int i = 0; i < 27; ++i)
    all.put("large/" + std::to_string(i), std::string(1'000'000, 'x'));
  auto query = all_of("large/");
  size_t keys = 0;
  for (bool more = true; more;) {
    auto page = all.read(query);
    CAF_REQUIRE(page);
    keys += page->keys.size();
    more = page->more;
    query.first = page->keys.back().key + '\0';
    query.at_revision = page->revision;
  }
  CAF_CHECK(keys == 27);
  shared_etcd().ctl("del --prefix large/");
}

CAF_TEST(large transactions come whole through a watch) {
  auto first = all.put("whole/0", "0");
  transaction large;
  for (int i = 0; i < 100; ++i)
    large.then.push_back({"whole/" + std::to_string(i), std::string(12'000, 'x'), 0});
  for (int i = 0; i < 12; ++i)
    CAF_REQUIRE(all.commit(large));
  recorder seen;
  auto held = etcd->follow("whole/", prefix_end("whole/"), first + 1, seen);
  until([&] { return seen.changes.size() >= 12 || seen.ended(); });
  for (size_t i = 0; i < 12; ++i)
    CAF_CHECK(seen.changes[i].revision == first + 1 + i && seen.changes[i].events.size() == 100);
}

CAF_TEST_FIXTURE_SCOPE_END()
