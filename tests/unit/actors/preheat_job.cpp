// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.preheat_job

#include "actors/preheat_job.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

const std::string commit(40, 'c');

struct fixture {
  /// Lists files of ten bytes each.
  preheat_job listed(size_t count, std::vector<std::string> include = {}) {
    preheat_job job{1, {{"model", "org/m", "main", {}}, std::move(include)}, 100};
    std::vector<hub_file> all;
    for (size_t i = 0; i < count; ++i)
      all.push_back({"f" + std::to_string(i), 10, std::nullopt, std::nullopt});
    CAF_REQUIRE(job.list(commit, all));
    return job;
  }

  preheat_job pulling(size_t count) {
    auto job = listed(count);
    job.begin(std::vector<bool>(count));
    return job;
  }

  mono_time now = mono_now();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(preheat_job_tests, fixture)

CAF_TEST(what is here counts and is not brought) {
  auto job = listed(3);
  CAF_CHECK_EQUAL(job.begin({true, false, true}), 10u);
  CAF_CHECK(job.next(now) == 1u);
  CAF_CHECK(!job.next(now));
  auto status = job.status();
  CAF_CHECK_EQUAL(status.files_done, 2u);
  CAF_CHECK_EQUAL(status.bytes_done, 20u);
  job.moved(1, 4);
  status = job.status();
  CAF_CHECK_EQUAL(status.bytes_done, 24u);
  CAF_CHECK_EQUAL(status.under_way.at(0).path, "f1");
  job.arrived(1);
  CAF_CHECK(job.has_ended_pulls());
  CAF_CHECK(job.end_pulls(200));
  job.registered(mirror_outcome::made, 300);
  status = job.status();
  CAF_CHECK(status.state == preheat_state::done);
  CAF_CHECK_EQUAL(status.bytes_done, 30u);
  CAF_CHECK_EQUAL(status.ended_at, 300);
}

CAF_TEST(only what is wanted is brought) {
  CAF_CHECK_EQUAL(listed(3, {"f1", "*2"}).files().size(), 2u);
  preheat_job job{1, {{"model", "org/m", "main", {}}, {"*.bin"}}, 100};
  auto none = job.list(commit, {{"a", 1, std::nullopt, std::nullopt}});
  CAF_REQUIRE(!none);
  CAF_CHECK_EQUAL(none.error().code, ec::not_found);
}

CAF_TEST(so many files come at once) {
  auto job = pulling(limits::preheat_files_at_once_max + 1);
  for (size_t i = 0; i < limits::preheat_files_at_once_max; ++i)
    CAF_CHECK(job.next(now) == i);
  CAF_CHECK(!job.next(now));
  job.arrived(0);
  CAF_CHECK(job.next(now) == limits::preheat_files_at_once_max);
}

CAF_TEST(a file that fails is tried again a few times) {
  auto job = pulling(1);
  for (int tries = 1; tries <= 5; ++tries) {
    CAF_CHECK(job.next(now) == 0u);
    job.failed(0, {ec::unavailable, "no"}, now);
    CAF_CHECK(!job.next(now));
    now += 10s;
    CAF_CHECK_EQUAL(job.has_ended_pulls(), tries == 5);
  }
  CAF_CHECK(!job.end_pulls(200));
  CAF_CHECK(job.status().state == preheat_state::failed);
  CAF_CHECK_EQUAL(job.status().failed->detail.substr(0, 4), "f0: ");
}

CAF_TEST(a node that is busy is asked for as long as it takes) {
  auto job = pulling(1);
  for (int tries = 0; tries < 100; ++tries, now += 10s) {
    CAF_CHECK(job.next(now) == 0u);
    job.failed(0, {ec::busy, {}}, now);
  }
  CAF_CHECK(!job.has_ended_pulls());
}

CAF_TEST(a full disk is waited for as long as it takes) {
  auto job = pulling(1);
  for (int tries = 0; tries < 100; ++tries, now += 10s) {
    CAF_CHECK(job.next(now) == 0u);
    job.failed(0, {ec::storage_full, "no room"}, now);
    CAF_CHECK(!job.next(now + 9s));
    const auto status = job.status(); // The check keeps a reference.
    CAF_CHECK_EQUAL(status.waits_for.value().detail, "no room");
  }
  CAF_CHECK(!job.has_ended_pulls());
  CAF_CHECK(job.next(now) == 0u);
  job.arrived(0);
  CAF_CHECK(!job.status().waits_for);
  CAF_CHECK(job.end_pulls(200));
}

CAF_TEST(the other files come although one is lost) {
  auto job = pulling(2);
  CAF_CHECK(job.next(now) == 0u);
  CAF_CHECK(job.next(now) == 1u);
  job.failed(0, {ec::not_found, {}}, now);
  CAF_CHECK(!job.has_ended_pulls());
  job.arrived(1);
  CAF_CHECK(job.has_ended_pulls());
  CAF_CHECK(!job.end_pulls(200));
  CAF_CHECK_EQUAL(job.status().files_done, 1u);
}

CAF_TEST(what was cancelled stays so) {
  auto job = pulling(2);
  CAF_CHECK(job.next(now) == 0u);
  job.cancel(150);
  CAF_CHECK(job.is_over());
  CAF_CHECK(!job.is_under_way(0));
  CAF_CHECK(!job.next(now));
  job.registered(mirror_outcome::made, 200);
  job.fail({ec::unavailable, {}}, 200);
  CAF_CHECK(job.status().state == preheat_state::cancelled);
  CAF_CHECK_EQUAL(job.status().ended_at, 150);
}

CAF_TEST(each change is a new version) {
  auto job = pulling(1);
  auto before = job.version();
  auto changes = [&] { return std::exchange(before, job.version()) < job.version(); };
  job.next(now);
  CAF_CHECK(changes());
  job.moved(0, 5);
  CAF_CHECK(changes());
  job.arrived(0);
  CAF_CHECK(changes());
  job.end_pulls(1);
  CAF_CHECK(changes());
  job.registered(mirror_outcome::there, 1);
  CAF_CHECK(changes());
}

CAF_TEST_FIXTURE_SCOPE_END()
