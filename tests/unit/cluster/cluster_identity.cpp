// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.cluster_identity

#include "cluster/cluster_identity.hpp"

#include "cluster/migration_marker.hpp"
#include "cluster/replica_copy.hpp"
#include "tests/sim/etcd_model.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  std::optional<result<found_cluster>> find(const cluster_wish& wish) {
    std::optional<result<found_cluster>> got;
    find_cluster(*link, keys, wish, time.now() + 1s, [&](result<found_cluster> found) {
      SHOAL_CHECK(!got);
      got = std::move(found);
    });
    time.run_for(2s);
    return got;
  }

  void set(const std::string& key, const std::string& value) {
    link->commit({{}, {{key, value, 0}}, {}}, time.now() + 1s, [](auto) {});
    time.run_for(100ms);
  }

  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> link = etcd.connect();
  key_space keys{"shoal/"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(cluster_identity_tests, fixture)

CAF_TEST(an identity comes back and what is none is refused) {
  auto id = new_cluster_id();
  CAF_CHECK(check_cluster_id(id));
  CAF_CHECK(id != new_cluster_id());
  CAF_CHECK(decode_identity(encode_identity(id)).value() == id);
  for (auto bad : {"", " 1", "a b", "a/b 1", "\xff 1"})
    CAF_CHECK_EQUAL(code_of(decode_identity(bad)),
                    bad == std::string("a b") ? ec::unsupported : ec::corrupt);
  for (auto other : {"a", "a 2", "a 1 ", "a 11"})
    CAF_CHECK_EQUAL(code_of(decode_identity(other)), ec::unsupported);
  CAF_CHECK(!check_cluster_id(std::string(65, 'a')));
}

CAF_TEST(a marker comes back and what is none is refused) {
  using phase = migration_marker::phase;
  for (const auto& x : {migration_marker{"s", phase::copying, 2, std::string("\0/\xff", 3)},
                        migration_marker{"s", phase::copying, 0, {}},
                        migration_marker{"s", phase::copied, shared_tables.size(), {}},
                        migration_marker{"s", phase::done, shared_tables.size(), {}}})
    CAF_CHECK(decode_migration_marker(encode(x)) == x);
  for (auto bad : {"", "s", "s ", " done", "s meta 00", "s refs", "s refs 0", "s refs zz",
                   "s refs 00 ", "s finished"})
    CAF_CHECK(!decode_migration_marker(bad));
}

CAF_TEST(the first node founds a cluster and the others find it) {
  CAF_CHECK_EQUAL(code_of(*find({})), ec::not_found);
  auto first = find({"", true});
  CAF_REQUIRE(first && *first);
  auto id = (*first)->id;
  CAF_CHECK((*find({"", true}))->id == id);
  CAF_CHECK((*find({id, false}))->id == id);
  CAF_CHECK_EQUAL(code_of(*find({"other", true})), ec::conflict);
  set(keys.identity(), "x 9");
  CAF_CHECK_EQUAL(code_of(*find({})), ec::unsupported);
}

CAF_TEST(two nodes found one cluster at a time) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i)
    find_cluster(*link, keys, {"", true}, time.now() + 1s,
                 [&](const auto& found) { ids.push_back(found.value().id); });
  time.run_for(1s);
  CAF_REQUIRE_EQUAL(ids.size(), 3u);
  CAF_CHECK(ids[0] == ids[1] && ids[1] == ids[2]);
}

CAF_TEST(without etcd nothing is found) {
  link->cut(true, true);
  auto got = find({"", true});
  CAF_REQUIRE(got && !*got);
  CAF_CHECK(code_of(*got) == ec::timeout || code_of(*got) == ec::unavailable);
}

CAF_TEST_FIXTURE_SCOPE_END()
