// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.turnstile

#include "http/turnstile.hpp"

#include <boost/asio/co_spawn.hpp>
#include <caf/test/unit_test.hpp>

#include <optional>
#include <vector>

using namespace shoal::http;

namespace {

struct fixture {
  /// Takes its turn and keeps it until the test takes it away.
  task<> visit(int who) {
    auto turn = co_await door.enter(io.get_executor());
    inside.emplace_back(who, std::move(turn));
  }

  void come(int who) {
    asio::co_spawn(io.get_executor(), visit(who), [](std::exception_ptr) {});
    poll();
  }

  void poll() {
    io.restart();
    io.poll();
  }

  std::vector<int> names() const {
    std::vector<int> all;
    for (auto& x : inside)
      all.push_back(x.first);
    return all;
  }

  void leave_first() {
    std::vector<std::pair<int, turnstile::turn>> rest;
    for (size_t i = 1; i < inside.size(); ++i)
      rest.push_back(std::move(inside[i]));
    inside.swap(rest);
    rest.clear();
    poll();
  }

  std::vector<std::pair<int, turnstile::turn>> inside;
  asio::io_context io{1};
  turnstile door{2};
};

using numbers = std::vector<int>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(turnstile_tests, fixture)

CAF_TEST(who comes when it is full waits in order) {
  for (int who = 1; who <= 5; ++who)
    come(who);
  CAF_CHECK(names() == (numbers{1, 2}));
  leave_first();
  CAF_CHECK(names() == (numbers{2, 3}));
  leave_first();
  leave_first();
  CAF_CHECK(names() == (numbers{4, 5}));
  leave_first();
  leave_first();
  CAF_MESSAGE("and what is free again can be had at once");
  come(6);
  come(7);
  come(8);
  CAF_CHECK(names() == (numbers{6, 7}));
}

CAF_TEST(turns and waiters may outlive it) {
  std::optional<turnstile> other{std::in_place, 1};
  std::vector<turnstile::turn> turns;
  auto visit = [&]() -> task<> {
    auto turn = co_await other->enter(io.get_executor());
    turns.push_back(std::move(turn));
  };
  asio::co_spawn(io.get_executor(), visit, [](std::exception_ptr) {});
  asio::co_spawn(io.get_executor(), visit, [](std::exception_ptr) {});
  poll();
  CAF_CHECK_EQUAL(turns.size(), 1u);
  other.reset();
  auto last = std::move(turns.front());
  turns.clear();
  { auto gone = std::move(last); }
  poll();
  CAF_CHECK_EQUAL(turns.size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
