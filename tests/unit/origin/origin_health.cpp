// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE origin.origin_health

#include "origin/origin_health.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::origin;
using namespace std::chrono_literals;

namespace {

using order = std::vector<size_t>;

const mono_time start{1000s};

failure of(failure_kind kind, unsigned status = 0) {
  failure made;
  made.kind = kind;
  made.head.status = status;
  return made;
}

} // namespace

CAF_TEST(one that fails comes last until its rest is over) {
  origin_health health{3};
  CAF_CHECK(health.order(start) == (order{0, 1, 2}));
  health.note_failure(0, of(failure_kind::timeout), start);
  CAF_CHECK(!health.is_well(0, start));
  CAF_CHECK(health.order(start) == (order{1, 2, 0}));
  CAF_CHECK(health.order(start + origin_health::rest - 1ms) == (order{1, 2, 0}));
  CAF_CHECK(health.order(start + origin_health::rest) == (order{0, 1, 2}));
}

CAF_TEST(failures one after the other rest longer each time) {
  origin_health health{1};
  auto now = start;
  for (auto rest : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    health.note_failure(0, of(failure_kind::connect), now);
    health.note_failure(0, of(failure_kind::connect), now); // Others fail with it.
    CAF_CHECK(!health.is_well(0, now + rest - 1ms));
    CAF_CHECK(health.is_well(0, now + rest));
    now += rest;
  }
  health.note_answer(0);
  health.note_failure(0, of(failure_kind::connect), now);
  CAF_CHECK(health.is_well(0, now + 10s));
}

CAF_TEST(one that sends wrong bytes rests as one that sends none) {
  origin_health health{2};
  health.note_failure(0, of(failure_kind::wrong), start);
  CAF_CHECK(health.order(start) == (order{1, 0}));
}

CAF_TEST(an answer makes it well at once) {
  origin_health health{2};
  health.note_failure(0, of(failure_kind::cut), start);
  health.note_answer(0);
  CAF_CHECK(health.order(start) == (order{0, 1}));
}

CAF_TEST(what says nothing about the origin changes nothing) {
  origin_health health{1};
  for (auto kind : {failure_kind::refused, failure_kind::redirect, failure_kind::bad_answer,
                    failure_kind::changed, failure_kind::storage, failure_kind::cancelled})
    health.note_failure(0, of(kind), start);
  health.note_failure(0, of(failure_kind::status, 404), start);
  health.note_failure(7, of(failure_kind::connect), start); // There is none.
  CAF_CHECK(health.is_well(0, start));
  health.note_failure(0, of(failure_kind::status, 502), start);
  CAF_CHECK(!health.is_well(0, start));
}
