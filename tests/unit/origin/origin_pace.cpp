// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE origin.origin_pace
#include "origin/origin_pace.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;
using origin::origin_pace;

namespace {

constexpr mono_time start{100s};

/// Bytes that get through in that time, if they come as fast as they may.
uint64_t through(origin_pace& pace, std::chrono::milliseconds time, uint64_t portion) {
  uint64_t bytes = 0;
  for (auto now = start; now < start + time; now += 1ms)
    while (pace.is_open(now)) {
      pace.took(portion, now);
      bytes += portion;
    }
  return bytes;
}

} // namespace

CAF_TEST(bytes come at the pace whatever their portions) {
  for (uint64_t portion : {1'000, 16'384, 262'144}) {
    origin_pace pace{1'000'000};
    auto bytes = through(pace, 10s, portion);
    auto saved = 200'000 + portion; // The rest before, and the last one, which is paid for later.
    CAF_CHECK(bytes >= 10'000'000);
    CAF_CHECK(bytes <= 10'000'000 + saved);
  }
}

CAF_TEST(a rest saves up no more than the slack) {
  origin_pace pace{1'000'000};
  through(pace, 1s, 1'000);
  auto later = start + 1h;
  uint64_t bytes = 0;
  while (pace.is_open(later)) {
    pace.took(1'000, later);
    bytes += 1'000;
  }
  CAF_CHECK(bytes >= 200'000 && bytes <= 201'000);
}

CAF_TEST(who waits is told for how long) {
  origin_pace pace{1'000'000};
  CAF_CHECK(pace.closed_for(start) == 0ns);
  pace.took(1'200'000, start);
  CAF_CHECK(pace.closed_for(start) == 1s);
  CAF_CHECK(!pace.is_open(start + 999ms));
  CAF_CHECK(pace.is_open(start + 1s));
}

CAF_TEST(without a limit it is always open) {
  origin_pace pace{0};
  pace.took(uint64_t{1} << 50, start);
  CAF_CHECK(pace.is_open(start));
}
