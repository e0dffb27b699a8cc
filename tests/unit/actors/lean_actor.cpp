// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.lean_actor

#include "actors/atoms.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"

#include <thread>

using namespace shoal;
using namespace shoal::test;

namespace {

using counting_actor
    = caf::typed_actor<caf::reacts_to<uint32_t>, caf::reacts_to<atom::stop>,
                       caf::reacts_to<atom::clear>, caf::replies_to<atom::status>::with<uint32_t>>;

/// Adds numbers up. Throws on `clear`.
class counting : public lean_actor {
public:
  counting(caf::actor_config& cfg, uint32_t* ended) : lean_actor(cfg), ended_{ended} {}

private:
  bool receive(caf::mailbox_element& x) override {
    return on<uint32_t>(x, [this](uint32_t n) { sum_ += n; })
           || on_verb<atom::status>(x, [this] { return sum_; })
           || on_verb<atom::stop>(x, [this] { quit(); })
           || on_verb<atom::clear>(x, [] { throw std::runtime_error("a bug"); });
  }
  void on_end(const caf::error&) override { ++*ended_; }

  uint32_t sum_ = 0;
  uint32_t* ended_;
};

struct fixture : actor_fixture {
  ~fixture() override { end_actors(); }

  uint32_t ended = 0;
  counting_actor aut = track(spawn_lean<counting, counting_actor>(sys, &ended));
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lean_actor_tests, fixture)

CAF_TEST(it costs a tenth of a stock actor) {
  CAF_CHECK(sizeof(lean_actor) <= 104);
}

CAF_TEST(messages are handled in the order of their coming) {
  for (uint32_t i = 1; i <= 10; ++i)
    caf::anon_send(aut, i);
  CAF_CHECK_EQUAL(must<uint32_t>(aut, atom::status::value), 55u);
  CAF_CHECK_EQUAL(ended, 0u);
}

CAF_TEST(a request that it does not know fails at once) {
  auto any = caf::actor_cast<caf::actor>(aut);
  auto answer = collect<uint32_t>(self->request(any, caf::infinite, std::string{"what"}));
  CAF_REQUIRE(!answer);
  CAF_CHECK(answer.error().code != ec::timeout);
}

CAF_TEST(a request to a dead one fails at once) {
  kill(aut);
  CAF_CHECK_EQUAL(ended, 1u);
  auto answer = ask<uint32_t>(aut, atom::status::value);
  CAF_REQUIRE(!answer);
  CAF_CHECK(answer.error().code != ec::timeout);
}

CAF_TEST(a request that waits behind the end fails at once) {
  caf::anon_send(aut, uint32_t{1});
  caf::anon_send(aut, atom::stop::value);
  auto answer = collect<uint32_t>(post(aut, atom::status::value));
  CAF_REQUIRE(!answer);
  CAF_CHECK(answer.error().code != ec::timeout);
  CAF_CHECK_EQUAL(ended, 1u);
}

CAF_TEST(an exception ends it and nobody else) {
  caf::anon_send(aut, atom::clear::value);
  drain();
  CAF_CHECK_EQUAL(ended, 1u);
  CAF_CHECK(!ask<uint32_t>(aut, atom::status::value));
}

CAF_TEST(who watches hears of the end however late it began) {
  size_t heard = 0;
  auto wait = [&] {
    self->receive([&](const caf::down_msg& x) {
      CAF_CHECK(x.reason == caf::exit_reason::kill);
      ++heard;
    });
  };
  self->monitor(aut);
  kill(aut);
  wait();
  self->monitor(aut);
  wait();
  CAF_CHECK_EQUAL(heard, 2u);
}

CAF_TEST(who has stopped watching hears nothing) {
  self->monitor(aut);
  self->demonitor(aut.address());
  kill(aut);
  CAF_CHECK(self->mailbox().empty());
}

CAF_TEST(linked ones end together) {
  uint32_t other_ended = 0;
  auto other = track(spawn_lean<counting, counting_actor>(sys, &other_ended));
  auto* a = caf::actor_cast<caf::abstract_actor*>(aut);
  auto* b = caf::actor_cast<caf::abstract_actor*>(other);
  a->add_link(b);
  a->remove_link(b);
  a->add_link(b);
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  drain();
  CAF_CHECK_EQUAL(ended, 1u);
  CAF_CHECK_EQUAL(other_ended, 1u);
}

CAF_TEST(one that nobody can reach any more ends) {
  uint32_t lost = 0;
  { auto unwanted = spawn_lean<counting, counting_actor>(sys, &lost); }
  CAF_CHECK_EQUAL(lost, 1u);
}

CAF_TEST(a message to itself comes when its time has come) {
  class late : public lean_actor {
  public:
    late(caf::actor_config& cfg, uint32_t* ticks) : lean_actor(cfg), ticks_{ticks} {}

  private:
    bool receive(caf::mailbox_element& x) override {
      return on<uint32_t>(
                 x, [this](uint32_t) { send_self(std::chrono::seconds{5}, atom::tick::value); })
             || on_verb<atom::tick>(x, [this] { ++*ticks_; });
    }
    void on_end(const caf::error&) override {}
    uint32_t* ticks_;
  };
  uint32_t ticks = 0;
  auto x = track(spawn_lean<late, counting_actor>(sys, &ticks));
  caf::anon_send(x, uint32_t{1});
  drain();
  advance(std::chrono::seconds{4});
  CAF_CHECK_EQUAL(ticks, 0u);
  advance(std::chrono::seconds{1});
  CAF_CHECK_EQUAL(ticks, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(threads that send at once lose nothing) {
  constexpr uint32_t senders = 4;
  constexpr uint32_t each = 5000;
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 2);
  uint32_t ended = 0;
  {
    caf::actor_system real{config};
    auto aut = spawn_lean<counting, counting_actor>(real, &ended);
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < senders; ++t)
      threads.emplace_back([&] {
        for (uint32_t i = 0; i < each; ++i)
          caf::anon_send(aut, uint32_t{1});
      });
    for (auto& t : threads)
      t.join();
    caf::scoped_actor self{real};
    uint32_t sum = 0;
    self->request(aut, caf::infinite, atom::status::value)
        .receive([&](uint32_t n) { sum = n; }, [](const caf::error&) {});
    CAF_CHECK_EQUAL(sum, senders * each);
    caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
    self->wait_for(aut);
  }
  CAF_CHECK_EQUAL(ended, 1u);
}
