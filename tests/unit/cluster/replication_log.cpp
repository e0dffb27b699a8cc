// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.replication_log

#include "cluster/replication_log.hpp"

#include "cluster/replica_stream.hpp"
#include "cluster/slot_sync.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

using phase = replication_log::phase;
using verdict = delta_ack::verdict;

info_hash hash_of(uint8_t x) {
  info_hash hash;
  hash.bytes[0] = x;
  return hash;
}

/// An owner's log, a standby that writes down what it hears, and what is between them.
struct fixture : replica_sink {
  fixture() {
    config.batch_bytes = 100;
    config.backlog_bytes_max = 1000;
    config.window = 2;
    renew(7);
  }

  void renew(uint64_t epoch) {
    log = std::make_unique<replication_log>(3, config);
    log->own(epoch);
  }

  void apply(const swarm_fact& x) override { heard.push_back(x); }

  void gone(uint64_t identity, uint8_t swarm = 1) {
    replication_log::entry{*log, hash_of(swarm)}.gone(identity);
  }

  /// @returns the next batch; nothing if there is none.
  std::optional<delta_batch> take() {
    auto taken = log->take(now);
    if (!taken)
      return std::nullopt;
    frames.push_back(std::move(*taken));
    return decode_delta_batch(frames.back());
  }

  /// Lets all that is unsaid arrive and be acknowledged.
  void flow() {
    while (auto batch = take())
      log->acknowledge(stream.take(*batch), now);
  }

  void sync() {
    log->start_sync();
    log->list({}, 10, [](auto&, size_t) { return std::vector<info_hash>{}; });
    log->finish_sync();
    flow();
  }

  replication_config config;
  mono_time now{1h};
  std::unique_ptr<replication_log> log;
  replica_stream stream{3, *this};
  std::vector<swarm_fact> heard;
  std::deque<std::string> frames;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(replication_log_tests, fixture)

CAF_TEST(without a standby nothing is wanted and nothing is kept) {
  CAF_CHECK(!log->wanted());
  gone(1);
  CAF_CHECK(!take());
  CAF_CHECK(log->behind_by(now).bytes == 0);
  CAF_CHECK(!log->warm(now));
  sync();
  log->stop();
  CAF_CHECK(!log->wanted() && log->current() == phase::idle);
}

CAF_TEST(a full sync and what follows it arrive in order) {
  sync();
  CAF_CHECK(stream.whole() && log->warm(now));
  CAF_CHECK(heard.size() == 3);
  gone(1);
  gone(2);
  gone(3, 2);
  flow();
  std::vector<swarm_fact> told{heard.begin() + 3, heard.end()};
  std::vector<swarm_fact> expected{delta_swarm{hash_of(1)}, delta_gone{1}, delta_gone{2},
                                   delta_swarm{hash_of(2)}, delta_gone{3}};
  CAF_CHECK(told == expected);
  CAF_CHECK(log->behind_by(now).bytes == 0);
}

CAF_TEST(every batch names its swarms and no more than a window is under way) {
  sync();
  for (uint64_t i = 0; i < 60; ++i)
    gone(i);
  auto first = take();
  auto second = take();
  CAF_REQUIRE(first && second);
  CAF_CHECK(!take());
  CAF_CHECK_EQUAL(second->number, first->number + 1);
  for (auto* batch : {&*first, &*second}) {
    delta_reader in{batch->body};
    swarm_fact x;
    CAF_CHECK(in.next(x) && x == swarm_fact{delta_swarm{hash_of(1)}});
    CAF_CHECK(batch->body.size() < config.batch_bytes + 30);
  }
  CAF_MESSAGE("an acknowledgement of the second one covers the first one");
  log->acknowledge({3, verdict::applied, 7, second->number}, now);
  CAF_CHECK(take());
}

CAF_TEST(lag is known in bytes and in time and a standby that lags is not warm) {
  sync();
  gone(1);
  CAF_CHECK(log->behind_by(now).bytes == 30);
  log->advance(now);
  now += 900ms;
  CAF_CHECK(log->behind_by(now).age == 900ms);
  CAF_CHECK(log->warm(now));
  now += 200ms;
  CAF_CHECK(!log->warm(now));
  flow();
  CAF_CHECK(log->warm(now));
}

CAF_TEST(an owner that is one again goes on counting) {
  sync();
  gone(1);
  log->own(7);
  CAF_CHECK(!log->wanted() && !log->warm(now) && log->behind_by(now).bytes == 0);
  sync();
  CAF_CHECK(log->warm(now));
  CAF_CHECK_EQUAL(heard.size(), 6u);
  log->own(8);
  sync();
  CAF_CHECK(log->warm(now) && stream.epoch() == 8);
  CAF_CHECK_EQUAL(heard.size(), 9u);
}

CAF_TEST(what is not acknowledged is sent again) {
  sync();
  gone(1);
  auto lost = take();
  CAF_REQUIRE(lost);
  CAF_CHECK(!take());
  CAF_MESSAGE("after the link broke");
  log->link_lost();
  CAF_CHECK(take() == lost);
  CAF_MESSAGE("and after half a second without a word");
  now += 400ms;
  CAF_CHECK(!take());
  now += 200ms;
  CAF_CHECK(take() == lost);
  CAF_MESSAGE("the standby takes it once");
  auto before = heard.size();
  CAF_CHECK(stream.take(*lost).what == verdict::applied);
  CAF_CHECK(stream.take(*lost).what == verdict::applied);
  CAF_CHECK_EQUAL(heard.size(), before + 2);
}

CAF_TEST(a gap is noticed and filled) {
  sync();
  gone(1);
  auto lost = take();
  gone(2);
  auto next = take();
  CAF_REQUIRE(lost && next);
  auto said = stream.take(*next);
  CAF_CHECK(said.what == verdict::resend);
  CAF_CHECK_EQUAL(said.number, lost->number - 1);
  log->acknowledge(said, now);
  flow();
  CAF_CHECK(heard.back() == swarm_fact{delta_gone{2}});
  CAF_CHECK(log->behind_by(now).bytes == 0);
}

CAF_TEST(a standby that is away for too long needs a full sync) {
  sync();
  for (uint64_t i = 0; i < 200; ++i)
    gone(i);
  CAF_CHECK(log->current() == phase::behind);
  CAF_CHECK(!log->wanted() && !log->warm(now) && !take());
  sync();
  CAF_CHECK(log->current() == phase::following);
  CAF_CHECK(log->warm(now) && stream.whole());
}

CAF_TEST(a standby that knows nothing asks for a full sync) {
  sync();
  replica_stream other{3, *this};
  gone(1);
  auto batch = take();
  CAF_REQUIRE(batch);
  auto said = other.take(*batch);
  CAF_CHECK(said.what == verdict::resync);
  CAF_CHECK(!other.whole());
  log->acknowledge(said, now);
  CAF_CHECK(log->current() == phase::behind);
}

CAF_TEST(a standby that is gone is not warm though there is nothing to tell) {
  sync();
  for (int i = 0; i < 20; ++i) {
    now += 100ms;
    log->advance(now);
    flow();
    CAF_CHECK(log->warm(now));
  }
  CAF_CHECK_EQUAL(heard.size(), 3u);
  CAF_MESSAGE("nothing comes back any more");
  for (int i = 0; i < 13; ++i) {
    now += 100ms;
    log->advance(now);
    take();
  }
  CAF_CHECK(!log->warm(now));
  CAF_MESSAGE("nor while the link is down and nothing is taken");
  log->link_lost();
  flow();
  now += 250ms;
  flow();
  CAF_CHECK(log->warm(now));
  now += 1100ms;
  log->advance(now);
  CAF_CHECK(!log->warm(now));
}

CAF_TEST(a late word about what was before does not undo a new full sync) {
  sync();
  gone(1);
  auto old = take();
  CAF_REQUIRE(old);
  replica_stream other{3, *this};
  auto late = other.take(*old);
  CAF_CHECK(late.what == verdict::resync && late.number == old->number);
  log->start_sync();
  auto fresh = take();
  CAF_REQUIRE(fresh && fresh->fresh);
  log->acknowledge(late, now);
  CAF_CHECK(log->current() == phase::syncing);
  CAF_MESSAGE("one that has lost the beginning gets it again");
  gone(2);
  auto next = take();
  CAF_REQUIRE(next);
  log->acknowledge(other.take(*next), now);
  CAF_CHECK(log->current() == phase::syncing);
  CAF_CHECK(take() == fresh);
  CAF_CHECK(other.take(*fresh).what == verdict::applied);
  CAF_MESSAGE("and one that cannot read it gets another one");
  log->acknowledge({3, verdict::resync, 7, fresh->number}, now);
  CAF_CHECK(log->current() == phase::behind);
}

CAF_TEST(all logs together keep no more than the budget) {
  replication_budget budget{4000};
  config.budget = &budget;
  config.backlog_bytes_max = 100'000;
  replication_log big{1, config};
  replication_log small{2, config};
  auto write = [](replication_log& to, uint64_t facts) {
    for (uint64_t i = 0; i < facts; ++i)
      replication_log::entry{to, hash_of(1)}.gone(i);
  };
  for (auto* each : {&big, &small}) {
    each->own(1);
    each->start_sync();
    each->list({}, 10, [](auto&, size_t) { return std::vector<info_hash>{}; });
    each->finish_sync();
  }
  write(big, 150);
  CAF_CHECK(big.current() == phase::following && budget.bytes > 1000);
  write(big, 150);
  CAF_MESSAGE("who has more than its share gives way");
  CAF_CHECK(big.current() == phase::behind);
  CAF_CHECK(small.current() == phase::following);
  CAF_CHECK(budget.bytes < 100);
  small.stop();
  CAF_CHECK_EQUAL(budget.bytes.load(), 0u);
}

CAF_TEST(what makes no sense is answered by asking for a full sync) {
  sync();
  CAF_MESSAGE("a fact about no swarm, and one of no kind");
  std::string nobody;
  append_fact(nobody, delta_gone{1});
  for (std::string_view body : {std::string_view{nobody}, std::string_view{"\x7f"}}) {
    sync();
    gone(1);
    auto number = take()->number;
    CAF_CHECK(stream.take({3, false, 7, number, body}).what == verdict::resync);
    CAF_CHECK(!stream.whole());
    log->acknowledge({3, verdict::resync, 7, number}, now);
    CAF_CHECK(log->current() == phase::behind);
  }
}

CAF_TEST(the standby hears the newest owner only) {
  sync();
  gone(1);
  auto old = take();
  CAF_REQUIRE(old);
  stream.know(9, false);
  auto said = stream.take(*old);
  CAF_CHECK(said.what == verdict::refused && said.epoch == 9);
  CAF_CHECK(log->acknowledge(said, now) == 9u);
  CAF_CHECK(!log->wanted());
  CAF_MESSAGE("a newer one begins with a full sync");
  CAF_CHECK(stream.take({3, false, 9, 1, {}}).what == verdict::resync);
  renew(10);
  sync();
  CAF_CHECK(stream.whole() && stream.epoch() == 10);
  CAF_MESSAGE("and an owner hears nobody of its own epoch");
  stream.know(11, true);
  CAF_CHECK(stream.take({3, true, 11, 1, {}}).what == verdict::refused);
  CAF_CHECK(stream.take({3, true, 12, 1, {}}).what == verdict::applied);
}

CAF_TEST(acknowledgements of others are not believed) {
  sync();
  gone(1);
  auto batch = take();
  CAF_REQUIRE(batch);
  log->acknowledge({4, verdict::resync, 7, batch->number}, now);
  log->acknowledge({3, verdict::resync, 6, batch->number}, now);
  log->acknowledge({3, verdict::applied, 7, batch->number + 1}, now);
  CAF_CHECK(!log->acknowledge({3, verdict::refused, 7, 0}, now));
  CAF_CHECK(log->current() == phase::following);
  CAF_CHECK(log->behind_by(now).bytes == batch->body.size());
}

CAF_TEST(a full sync lists and asks swarm after swarm) {
  using what = slot_sync::task::what;
  slot_sync order{{2, 500}};
  CAF_CHECK(order.next(501).to_do == what::wait);
  CAF_CHECK(order.next(500).to_do == what::list);
  order.listed({{}, hash_of(5), {hash_of(2), hash_of(5)}});
  auto todo = order.next(0);
  CAF_CHECK(todo.to_do == what::ask && todo.swarm == hash_of(2) && todo.identity == 0);
  order.wrote(77);
  CAF_CHECK(order.next(0).identity == 77);
  order.wrote({});
  todo = order.next(0);
  CAF_CHECK(todo.swarm == hash_of(5) && todo.identity == 0);
  order.wrote({});
  todo = order.next(0);
  auto after = hash_of(5);
  after.bytes.back() = 1;
  CAF_CHECK(todo.to_do == what::list && todo.swarm == after);
  info_hash last;
  last.bytes.fill(0xff);
  order.listed({after, last, {}});
  CAF_CHECK(order.next(0).to_do == what::done);
}

CAF_TEST_FIXTURE_SCOPE_END()
