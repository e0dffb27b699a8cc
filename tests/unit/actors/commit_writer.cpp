// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.commit_writer

#include "core/limits.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

CAF_TEST_FIXTURE_SCOPE(commit_writer_tests, tracker_fixture)

CAF_TEST(writes that wait together share one commit) {
  auto before = store->stats().commits;
  auto a = post(registry_settings.writer, put_request(table::meta, "a", "1"));
  auto b = post(registry_settings.writer, put_request(table::meta, "b", "2"));
  auto first = collect<uint64_t>(a);
  auto second = collect<uint64_t>(b);
  CAF_REQUIRE(first);
  CAF_REQUIRE(second);
  CAF_CHECK_EQUAL(store->stats().commits, before + 1);
}

CAF_TEST(a failed guard leaves the others of its group alone) {
  commit_request guarded = put_request(table::meta, "a", "2");
  guarded.guards.push_back({table::meta, "a", 12345});
  auto a = post(registry_settings.writer, guarded);
  auto b = post(registry_settings.writer, put_request(table::meta, "b", "1"));
  auto failed = collect<uint64_t>(a);
  CAF_REQUIRE(!failed);
  CAF_CHECK_EQUAL(failed.error().code, ec::conflict);
  CAF_CHECK(collect<uint64_t>(b));
}

CAF_TEST(a full queue says that it is busy) {
  for (size_t i = 0; i < limits::commit_queue_max; ++i)
    caf::anon_send(registry_settings.writer, put_request(table::meta, "k", "v"));
  auto late = post(registry_settings.writer, put_request(table::meta, "late", "v"));
  auto refused = collect<uint64_t>(late);
  CAF_REQUIRE(!refused);
  CAF_CHECK_EQUAL(refused.error().code, ec::busy);
  CAF_CHECK(ask<uint64_t>(registry_settings.writer, put_request(table::meta, "late", "v")));
}

CAF_TEST_FIXTURE_SCOPE_END()
