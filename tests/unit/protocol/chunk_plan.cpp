// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.chunk_plan

#include "protocol/chunk_plan.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <random>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t chunk = 1000;

struct fixture {
  mono_time now{};
  chunk_plan_config config;
  std::optional<chunk_plan> plan;

  fixture() {
    config.size_bytes = 100 * chunk - 1;
    config.chunk_bytes = chunk;
    config.requests_max = 4;
    config.chunks_per_request_max = 4;
    config.ahead_chunks = 8;
  }

  chunk_plan& start() { return plan.emplace(config); }

  /// @returns "first+count" of what is asked next, or "-".
  std::string next(chunk_plan::source_id source = 1) {
    auto r = plan->next(source, now);
    if (!r)
      return "-";
    asked.push_back(*r);
    return std::to_string(r->first) + '+' + std::to_string(r->count);
  }

  /// What was asked for comes whole.
  void serve(const chunk_plan::request& r) {
    for (auto c = r.first; c < r.first + r.count; ++c)
      plan->arrived(c, now);
    plan->ended(r.number, now);
  }

  std::vector<chunk_plan::request> asked;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(chunk_plan_tests, fixture)

CAF_TEST(without readers a file is pulled in order and one request is spared) {
  start();
  CAF_CHECK_EQUAL(next(), "0+4");
  CAF_CHECK_EQUAL(next(), "4+4");
  CAF_CHECK_EQUAL(next(), "8+4");
  CAF_CHECK_EQUAL(next(), "-");
  CAF_CHECK_EQUAL(asked[1].bytes.first, 4 * chunk);
  CAF_CHECK_EQUAL(asked[1].bytes.last, 8 * chunk - 1);
  plan->add_reader(50 * chunk + 1, 10, now);
  CAF_CHECK_EQUAL(next(), "50+4");
  CAF_CHECK_EQUAL(next(), "-");
  serve(asked[0]);
  CAF_CHECK_EQUAL(next(), "-"); // For the next one who comes.
  serve(asked[3]);
  CAF_CHECK_EQUAL(next(), "12+4");
}

CAF_TEST(the last request ends with the file) {
  start();
  plan->add_reader(98 * chunk, 99 * chunk, now);
  CAF_CHECK_EQUAL(next(), "98+2");
  CAF_CHECK_EQUAL(asked[0].bytes.last, 100 * chunk - 2);
}

CAF_TEST(who has waited longest is served first) {
  config.fills = false;
  config.chunks_per_request_max = 1;
  start();
  plan->add_reader(70 * chunk, 2 * chunk, now);
  now += 1ms;
  plan->add_reader(10 * chunk, 2 * chunk, now);
  now += 1ms;
  plan->add_reader(40 * chunk, 2 * chunk, now);
  CAF_CHECK_EQUAL(next(), "70+1");
  CAF_CHECK_EQUAL(next(), "10+1");
  now += 1ms;
  serve(asked[0]); // The reader goes on, behind those who have waited longer.
  CAF_CHECK_EQUAL(next(), "40+1");
  CAF_CHECK_EQUAL(next(), "71+1");
  serve(asked[1]);
  CAF_CHECK_EQUAL(next(), "11+1");
}

CAF_TEST(readers are served ahead of where they are) {
  config.fills = false;
  start();
  plan->add_reader(0, 100 * chunk, now);
  for (auto wanted : {"0+4", "4+4", "8+4", "-"})
    CAF_CHECK_EQUAL(next(), wanted);
  serve(asked[1]); // What came early is passed over later.
  serve(asked[0]);
  CAF_CHECK_EQUAL(next(), "12+4");
}

CAF_TEST(only what is read is pulled if that is what is wanted) {
  config.fills = false;
  start();
  CAF_CHECK_EQUAL(next(), "-");
  auto reader = plan->add_reader(3 * chunk + 5, 2 * chunk, now);
  CAF_CHECK_EQUAL(next(), "3+3");
  CAF_CHECK_EQUAL(next(), "-");
  serve(asked[0]);
  CAF_CHECK_EQUAL(next(), "-");
  plan->remove_reader(reader);
  plan->add_reader(0, 0, now);
  plan->add_reader(100 * chunk, 10, now);
  plan->add_reader(UINT64_MAX, UINT64_MAX, now);
  CAF_CHECK_EQUAL(next(), "-");
}

CAF_TEST(a reader who leaves is not pulled for) {
  config.fills = false;
  config.requests_max = 1;
  start();
  auto one = plan->add_reader(0, 10 * chunk, now);
  auto two = plan->add_reader(0, 2 * chunk, now);
  CAF_CHECK_EQUAL(next(), "0+4");
  serve(asked[0]);
  plan->remove_reader(two);
  plan->remove_reader(one);
  plan->remove_reader(one);
  CAF_CHECK_EQUAL(plan->readers(), 0u);
  CAF_CHECK_EQUAL(next(), "-");
}

CAF_TEST(what failed is asked for elsewhere at once and there again after a pause) {
  config.requests_max = 1;
  start();
  CAF_CHECK_EQUAL(next(1), "0+4");
  plan->arrived(0, now);
  plan->ended(asked[0].number, now); // Three of four did not come.
  CAF_CHECK_EQUAL(next(1), "4+4");
  plan->ended(asked[1].number, now);
  CAF_CHECK_EQUAL(next(2), "1+4");
  plan->ended(asked[2].number, now);
  CAF_CHECK((plan->retry_at(now) == now + 500ms));
  now += 500ms;
  CAF_CHECK_EQUAL(next(1), "1+4");
  plan->ended(asked[3].number, now);
  now += 1999ms; // Its second failure, and the third of these chunks.
  CAF_CHECK_EQUAL(next(1), "5+4");
  plan->arrived(8, now);
  plan->ended(asked[4].number, now);
  now += 1ms;
  CAF_CHECK_EQUAL(next(1), "1+4");
}

CAF_TEST(a chunk that nobody can give is given up until it is forgiven) {
  config.attempts_max = 3;
  config.chunks_per_request_max = 1;
  config.fills = false;
  start();
  auto reader = plan->add_reader(0, chunk, now);
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK(!plan->is_stuck(reader));
    CAF_CHECK_EQUAL(next(), "0+1");
    plan->ended(asked.back().number, now);
    now += 1h;
  }
  CAF_CHECK_EQUAL(next(), "-");
  CAF_CHECK(plan->is_stuck(reader));
  CAF_CHECK((plan->given_up() == std::vector<uint32_t>{0}));
  CAF_CHECK(!plan->retry_at(now));
  plan->forgive();
  CAF_CHECK(!plan->is_stuck(reader));
  CAF_CHECK_EQUAL(next(), "0+1");
  plan->arrived(0, now);
  CAF_CHECK(plan->given_up().empty());
}

CAF_TEST(a source that gives nothing rests whatever is wanted of it and is given up) {
  config.source_attempts_max = 3;
  start();
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(next(), std::to_string(4 * i) + "+4");
  for (auto& r : asked)
    plan->ended(r.number, now); // Together: that is one failure.
  CAF_CHECK_EQUAL(next(), "-");
  CAF_CHECK((plan->retry_at(now) == now + 500ms));
  CAF_CHECK_EQUAL(next(2), "0+4"); // Others are asked at once.
  plan->ended(asked.back().number, now);
  now += 500ms;
  for (auto pause : {1000ms, 2000ms}) {
    CAF_CHECK(!plan->is_barren(1));
    CAF_CHECK(next() != "-");
    plan->ended(asked.back().number, now);
    now += pause - 1ms;
    CAF_CHECK_EQUAL(next(), "-");
    now += 1ms;
  }
  CAF_CHECK(plan->is_barren(1));
  CAF_CHECK(!plan->is_barren(2));
  CAF_CHECK_EQUAL(next(), "-");
  plan->forgive();
  CAF_CHECK_EQUAL(next(), "0+4");
}

CAF_TEST(requests that fail one after the other after one hiccup are one failure) {
  config.source_attempts_max = 2;
  start();
  for (int i = 0; i < 3; ++i)
    next();
  for (auto& r : std::vector(asked)) {
    plan->ended(r.number, now);
    now += 1min; // Each by its own timeout.
  }
  CAF_CHECK(!plan->is_barren(1));
  CAF_CHECK_EQUAL(next(), "0+4");
  plan->ended(asked.back().number, now);
  CAF_CHECK(plan->is_barren(1));
}

CAF_TEST(a source that gives something is soon asked again) {
  start();
  CAF_CHECK_EQUAL(next(), "0+4");
  CAF_CHECK_EQUAL(next(), "4+4");
  plan->ended(asked[0].number, now);
  CAF_CHECK_EQUAL(next(), "-");
  plan->arrived(4, now); // Of the other request.
  CAF_CHECK_EQUAL(next(), "8+4");
}

CAF_TEST(a chunk that is lost is pulled again) {
  config.size_bytes = 4 * chunk;
  start();
  next();
  serve(asked[0]);
  CAF_CHECK(plan->is_whole());
  CAF_CHECK_EQUAL(next(), "-");
  plan->lost(2);
  plan->lost(2);
  CAF_CHECK(!plan->is_whole());
  CAF_CHECK_EQUAL(next(), "2+1");
}

CAF_TEST(an empty file is whole) {
  config.size_bytes = 0;
  start();
  plan->remove_reader(plan->add_reader(0, 1, now));
  CAF_CHECK(plan->is_whole());
  CAF_CHECK_EQUAL(next(), "-");
}

CAF_TEST(ten thousand readers of a file cost each chunk once) {
  config.size_bytes = 2000 * chunk;
  config.fills = false;
  start();
  std::mt19937 random(1);
  std::vector<chunk_plan::reader_id> readers;
  std::vector<int> pulled(2000, 0);
  auto turn = [&] {
    now += 1ms;
    for (int i = 0; i < 10 && readers.size() < 10'000; ++i) { // They come while it is pulled.
      auto offset = random() % 3 == 0 ? random() % config.size_bytes : 0;
      readers.push_back(plan->add_reader(offset, config.size_bytes, now));
    }
    while (auto r = plan->next(1, now))
      asked.push_back(*r);
    auto r = asked.back();
    asked.pop_back();
    for (auto c = r.first; c < r.first + r.count; ++c)
      ++pulled[c];
    serve(r);
  };
  while (!plan->is_whole() || readers.size() < 10'000) {
    if (plan->is_whole())
      readers.push_back(plan->add_reader(0, config.size_bytes, now));
    else
      turn();
  }
  CAF_CHECK((pulled == std::vector<int>(2000, 1)));
  for (auto reader : readers)
    plan->remove_reader(reader);
  CAF_CHECK_EQUAL(plan->readers(), 0u);
}

CAF_TEST(random readers and failures end with a whole file) {
  auto* wanted = std::getenv("SHOAL_TEST_SEED");
  auto seed = wanted ? static_cast<unsigned>(std::atoi(wanted)) : 20261121u;
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  std::mt19937 random(seed);
  config.attempts_max = 1000;
  start();
  std::vector<chunk_plan::reader_id> readers;
  size_t steps = 0;
  for (; !plan->is_whole() && steps < 100'000; ++steps) {
    now += 50ms;
    if (random() % 4 == 0)
      readers.push_back(plan->add_reader(random() % config.size_bytes, random() % 5000, now));
    if (random() % 5 == 0 && !readers.empty())
      plan->remove_reader(readers[random() % readers.size()]);
    if (auto r = plan->next(static_cast<uint32_t>(random() % 3), now)) {
      for (auto& other : asked)
        CAF_REQUIRE((r->first + r->count <= other.first || other.first + other.count <= r->first));
      asked.push_back(*r);
    }
    CAF_REQUIRE_LESS_OR_EQUAL(plan->under_way(), config.requests_max);
    if (asked.empty() || random() % 2 == 0)
      continue;
    auto r = asked[random() % asked.size()];
    std::erase(asked, r);
    for (auto c = r.first; c < r.first + r.count && random() % 3 != 0; ++c)
      plan->arrived(c, now);
    plan->ended(r.number, now);
    if (random() % 10 == 0)
      plan->lost(static_cast<uint32_t>(random() % plan->chunk_count()));
  }
  CAF_CHECK(plan->is_whole());
  CAF_CHECK(!plan->next(0, now));
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

/// Asks for chunks one by one.
struct outage : fixture {
  outage() {
    config.attempts_max = 3;
    config.requests_max = 2;
    config.chunks_per_request_max = 1;
    start();
  }

  /// Until the first chunk is given up, nothing comes.
  void fail_first(bool is_wrong = false) {
    while (plan->given_up().empty()) {
      CAF_REQUIRE_EQUAL(next(), "0+1");
      plan->ended(asked.back().number, now, is_wrong);
      now += 1min;
    }
  }

  /// Gives what is asked for next. @returns whether that is the first chunk.
  bool serves_first() {
    auto what = next();
    serve(asked.back());
    return what == "0+1";
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(sources_that_come_back, outage)

CAF_TEST(what failed while a source was away is asked for when it is back) {
  fail_first();
  CAF_CHECK(!plan->is_hopeless()); // There are others.
  CAF_CHECK(!serves_first());
  CAF_CHECK(plan->given_up().empty());
  CAF_CHECK(serves_first());
}

CAF_TEST(a chunk that failed before and after is given up though all others come) {
  fail_first();
  CAF_CHECK(!serves_first());
  fail_first();
  CAF_CHECK(!serves_first());
  CAF_CHECK((plan->given_up() == std::vector<uint32_t>{0}));
  while (next() != "-")
    serve(asked.back());
  CAF_CHECK(plan->is_hopeless());
}

CAF_TEST(a chunk that came and was wrong is not forgiven) {
  fail_first(true);
  CAF_CHECK(!serves_first());
  CAF_CHECK((plan->given_up() == std::vector<uint32_t>{0}));
}

CAF_TEST_FIXTURE_SCOPE_END()
