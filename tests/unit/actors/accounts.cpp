// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.accounts

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : tracker_fixture {
  void book(const accounts_actor& to, const std::string& user, uint64_t up) {
    caf::anon_send(to, user_traffic{user, up, 0});
    drain();
  }

  uint64_t stored(const std::string& user) {
    auto x = store->get(table::users, user);
    return x && *x ? decode_usage((*x)->value)->uploaded_bytes : 0;
  }

  template <class Handle>
  accounts_actor with_writer(const Handle& writer) {
    auto other = accounts_settings;
    other.writer = writer;
    return track(sys.spawn<accounts>(other, &other_metrics));
  }

  metrics::registry other_metrics;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(accounts_tests, fixture)

CAF_TEST(traffic of a user is summed up and written each period) {
  book(booking, "ada", 10);
  book(booking, "ada", 5);
  book(booking, "bob", 1);
  CAF_CHECK_EQUAL(stored("ada"), 0u);
  advance(std::chrono::seconds{2});
  CAF_CHECK_EQUAL(stored("ada"), 15u);
  CAF_CHECK_EQUAL(stored("bob"), 1u);
  book(booking, "ada", 1);
  CAF_CHECK(ask<atom::flush>(booking, atom::flush::value));
  CAF_CHECK_EQUAL(stored("ada"), 16u);
}

CAF_TEST(more users than one commit takes are all written) {
  for (int i = 0; i < 600; ++i)
    caf::anon_send(booking, user_traffic{"user" + std::to_string(i), 1, 0});
  CAF_CHECK(ask<atom::flush>(booking, atom::flush::value));
  CAF_CHECK_EQUAL(store->count(table::users).value_or(0), 600u);
}

CAF_TEST(a dead writer costs nothing that is pending) {
  auto writer = track(sys.spawn<commit_writer>(store.get(), &other_metrics));
  kill(writer);
  auto lonely = with_writer(writer);
  book(lonely, "ada", 10);
  auto failed = ask<atom::flush>(lonely, atom::flush::value);
  CAF_REQUIRE(!failed);
  CAF_CHECK_EQUAL(failed.error().code, ec::unavailable);
  CAF_MESSAGE("it tries again with the same sums");
  CAF_CHECK(!ask<atom::flush>(lonely, atom::flush::value));
}

CAF_TEST(sums that the store refuses are written later) {
  held_commits held;
  held.refusal = error{ec::storage_full, {}};
  auto writer = track(sys.spawn(slow_writer, &held));
  auto other = with_writer(writer);
  book(other, "ada", 10);
  auto waiting = post(other, atom::flush::value);
  drain();
  CAF_REQUIRE_EQUAL(held.asked, 1u);
  caf::anon_send(writer, atom::flush::value);
  auto failed = collect<atom::flush>(waiting);
  CAF_REQUIRE(!failed);
  CAF_CHECK_EQUAL(failed.error().code, ec::storage_full);
  advance(std::chrono::seconds{2});
  CAF_CHECK_EQUAL(held.asked, 2u);
  end_actors();
}

CAF_TEST(sums whose commit may still happen are not written twice) {
  held_commits held;
  held.refusal = error{ec::storage_full, {}};
  auto writer = track(sys.spawn(slow_writer, &held));
  auto other = with_writer(writer);
  book(other, "ada", 10);
  advance(std::chrono::seconds{2});
  CAF_REQUIRE_EQUAL(held.asked, 1u);
  advance(commit_timeout + std::chrono::seconds{2});
  advance(std::chrono::seconds{2});
  CAF_CHECK_EQUAL(held.asked, 1u);
  end_actors();
}

CAF_TEST(a damaged account does not hold up the others) {
  CAF_REQUIRE(store->commit(put_request(table::users, "ada", "no record")));
  book(booking, "ada", 10);
  book(booking, "bob", 1);
  CAF_CHECK(ask<atom::flush>(booking, atom::flush::value));
  CAF_CHECK_EQUAL(stored("bob"), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
