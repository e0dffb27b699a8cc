// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.web_offers

#include "actors/web_offers.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

offer_key key(uint8_t n) {
  offer_key k;
  k.id.bytes.fill(n);
  return k;
}

struct fixture {
  web_offers<int> offers{50s};
  mono_time now = mono_time{} + 1h;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(web_offers_tests, fixture)

CAF_TEST(an offer is answered once) {
  offers.add(key(1), 7, now);
  CAF_CHECK(offers.take(key(1), now) == 7);
  CAF_CHECK(!offers.take(key(1), now));
  CAF_CHECK_EQUAL(offers.size(), 0u);
}

CAF_TEST(nobody can answer what was not offered to him) {
  offers.add(key(1), 7, now);
  auto wrong = key(1);
  wrong.from.bytes.fill(1);
  CAF_CHECK(!offers.take(wrong, now));
  wrong = key(1);
  wrong.to.bytes.fill(1);
  CAF_CHECK(!offers.take(wrong, now));
  wrong = key(1);
  wrong.swarm.bytes.fill(1);
  CAF_CHECK(!offers.take(wrong, now));
  CAF_CHECK(!offers.take(key(2), now));
  CAF_CHECK_EQUAL(offers.size(), 1u);
}

CAF_TEST(an offer is forgotten after its time) {
  offers.add(key(1), 1, now);
  offers.add(key(2), 2, now + 20s);
  CAF_CHECK_EQUAL(offers.size(), 2u);
  CAF_CHECK(!offers.take(key(1), now + 50s));
  CAF_CHECK_EQUAL(offers.size(), 1u);
  CAF_CHECK(offers.take(key(2), now + 69s) == 2);
  offers.add(key(3), 3, now + 70s);
  offers.expire(now + 120s);
  CAF_CHECK_EQUAL(offers.size(), 0u);
}

CAF_TEST(the oldest offer makes room) {
  for (size_t i = 0; i <= limits::ws_offers_in_flight_max; ++i)
    offers.add(key(static_cast<uint8_t>(i)), static_cast<int>(i), now);
  CAF_CHECK_EQUAL(offers.size(), limits::ws_offers_in_flight_max);
  CAF_CHECK(!offers.take(key(0), now));
  CAF_CHECK(offers.take(key(1), now) == 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
