// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.download_pacer

#include "http/download_pacer.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace std::chrono_literals;

namespace {

const mono_time start = mono_time{} + 100h;

/// Sends `bytes` as one download would, without taking time to do it. @returns when it is done.
mono_time send(download_pacer& pacer, uint64_t who, uint64_t bytes, mono_time now) {
  while (bytes > 0) {
    auto some = pacer.portion(bytes);
    now += std::chrono::duration_cast<mono_time::duration>(pacer.reserve(who, some, now));
    bytes -= some;
  }
  return now;
}

bool is_about(mono_time::duration x, mono_time::duration wanted) {
  return x > wanted - 300ms && x < wanted + 300ms;
}

} // namespace

CAF_TEST(without limits nothing waits) {
  download_pacer pacer{{}};
  CAF_CHECK(!pacer.is_on());
  CAF_CHECK(send(pacer, 1, 1'000'000'000, start) == start);
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start), 0u);
}

CAF_TEST(a download takes as long as its rate says) {
  download_pacer pacer{{0, 1'000'000, 0}};
  CAF_CHECK(is_about(send(pacer, 1, 10'000'000, start) - start, 10s));
  // Another principal has a bucket of its own.
  CAF_CHECK(is_about(send(pacer, 2, 10'000'000, start) - start, 10s));
  CAF_CHECK_EQUAL(pacer.principals(), 2u);
}

CAF_TEST(all downloads share the rate of all) {
  download_pacer pacer{{1'000'000, 0, 0}};
  auto first = start, second = start;
  for (uint64_t left = 5'000'000; left > 0;) {
    auto some = pacer.portion(left);
    auto wait = [](auto x) { return std::chrono::duration_cast<mono_time::duration>(x); };
    first += wait(pacer.reserve(1, some, first));
    second += wait(pacer.reserve(2, some, second));
    left -= some;
  }
  CAF_CHECK(is_about(first - start, 10s));
  CAF_CHECK(is_about(second - start, 10s));
}

CAF_TEST(portions are small and even) {
  download_pacer pacer{{0, 1'000'000, 0}};
  CAF_CHECK_EQUAL(pacer.portion(1'000'000), 20'000u);
  CAF_CHECK_EQUAL(pacer.portion(5), 5u);
  auto now = start;
  send(pacer, 1, 1'000'000, now); // The rest before is used up.
  now += 1s;
  for (int i = 0; i < 20; ++i) {
    auto wait = pacer.reserve(1, 20'000, now);
    CAF_CHECK_LESS_OR_EQUAL(wait.count(), std::chrono::nanoseconds{25ms}.count());
    now += std::chrono::duration_cast<mono_time::duration>(wait);
  }
  CAF_CHECK_EQUAL(download_pacer({1, 0, 0}).portion(1 << 30), 4096u);
}

CAF_TEST(a quota refuses until a part of the day is over) {
  download_pacer pacer{{0, 0, 86'400}}; // A byte a second.
  CAF_CHECK(send(pacer, 1, 86'400, start) == start);
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start), 0u);
  CAF_CHECK(send(pacer, 1, 100, start) == start); // Nothing that has begun is cut.
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start), 100u);
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start + 99s), 1u);
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start + 100s), 0u);
  CAF_CHECK_EQUAL(pacer.refusal_s(2, start), 0u);
}

CAF_TEST(a quota of all refuses everybody until a part of the day is over) {
  download_pacer pacer{{0, 0, 0, 86'400}};
  CAF_CHECK(pacer.is_on());
  CAF_CHECK(send(pacer, 1, 43'200, start) == start);
  CAF_CHECK(send(pacer, 2, 43'300, start) == start);
  for (uint64_t who : {1, 2, 3}) {
    CAF_CHECK_EQUAL(pacer.refusal_s(who, start), 100u);
    CAF_CHECK_EQUAL(pacer.refusal_s(who, start + 100s), 0u);
  }
}

CAF_TEST(new downloads are refused when those under way wait too long) {
  download_pacer pacer{{1'000'000, 0, 0}};
  for (uint64_t who = 0; who < 10; ++who)
    pacer.reserve(who, 1'000'000, start);
  auto seconds = pacer.refusal_s(100, start);
  CAF_CHECK(seconds >= 4 && seconds <= 5);
  CAF_CHECK_EQUAL(pacer.refusal_s(100, start + 5s), 0u);
}

CAF_TEST(memory has a bound and debtors are remembered) {
  download_pacer pacer{{0, 0, 86'400}};
  constexpr uint64_t debtor = 7;
  send(pacer, debtor, 200'000, start);
  for (uint64_t who = 1000; who < 1000 + 3 * limits::paced_principals_max; ++who)
    pacer.reserve(who, 1, start);
  CAF_CHECK_LESS_OR_EQUAL(pacer.principals(), limits::paced_principals_max);
  CAF_CHECK_GREATER(pacer.refusal_s(debtor, start), 0u);
}

CAF_TEST(what a principal fetches elsewhere is taken out of its day and of the day of all) {
  download_pacer pacer{{0, 0, 86'400, 2 * 86'400}};
  pacer.charge(1, 86'500, start);
  CAF_CHECK_EQUAL(pacer.refusal_s(1, start), 100u);
  CAF_CHECK_EQUAL(pacer.refusal_s(2, start), 0u);
  pacer.charge(2, 86'400, start);
  CAF_CHECK_EQUAL(pacer.refusal_s(3, start), 50u); // Two bytes a second come back.
  CAF_CHECK_EQUAL(pacer.elsewhere(), 2u * 86'400 + 100);
}

CAF_TEST(a principal that fetches from two nodes is as fast as from one) {
  // Each tells the other four times a second.
  std::array<uint64_t, 2> untold{};
  std::array<std::unique_ptr<download_pacer>, 2> nodes;
  for (size_t i : {0, 1}) {
    nodes[i] = std::make_unique<download_pacer>(pacer_config{0, 1'000'000, 0});
    nodes[i]->tell_others([&untold, i](uint64_t, uint64_t bytes) { untold[i] += bytes; });
  }
  std::array<mono_time, 2> free_at{start, start};
  std::array<uint64_t, 2> sent{};
  for (auto now = start; now < start + 20s; now += 1ms) {
    for (size_t i : {0, 1}) {
      for (; free_at[i] <= now; sent[i] += 20'000)
        free_at[i] += std::chrono::duration_cast<mono_time::duration>(
            nodes[i]->reserve(1, 20'000, now) + 1us);
      if ((now - start) % 250ms == 0ms)
        nodes[1 - i]->charge(1, std::exchange(untold[i], 0), now);
    }
  }
  CAF_CHECK_GREATER(sent[0] + sent[1], 18'000'000u);
  CAF_CHECK_LESS(sent[0] + sent[1], 22'000'000u);
  CAF_CHECK_GREATER(sent[0], 8'000'000u);
  CAF_CHECK_GREATER(sent[1], 8'000'000u);
}

CAF_TEST(the smallest rate and the largest files overflow nothing) {
  download_pacer pacer{{0, 1, 1, 1}};
  for (int i = 0; i < 100; ++i) {
    pacer.charge(1, limits::link_spent_bytes_max, start);
    pacer.reserve(1, 1 << 20, start);
  }
  CAF_CHECK_GREATER(pacer.refusal_s(1, start), 0u);
  CAF_CHECK_GREATER(pacer.reserve(1, 1, start).count(), 0);
}
