// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.offenders

#include "udp/offenders.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::udp;
using namespace std::chrono_literals;

namespace {

const auto alice = *ip_address::parse("192.0.2.1");
const auto bob = *ip_address::parse("192.0.2.2");

ip_address numbered(uint32_t n) {
  return ip_address::v4({uint8_t(n >> 24), uint8_t(n >> 16), uint8_t(n >> 8), uint8_t(n)});
}

struct fixture {
  offenders all{{3, 60s, hash_key{1, 2}}};
  mono_time now{1000s};

  bool note(const ip_address& who, int times) {
    auto banned = false;
    for (int i = 0; i < times; ++i)
      banned = all.note(who, now) || banned;
    return banned;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(offenders_tests, fixture)

CAF_TEST(whoever sends too many bad ids is banned and then forgiven) {
  CAF_CHECK(!note(alice, 2));
  CAF_CHECK(!all.banned(alice, now));
  CAF_CHECK(note(alice, 1));
  CAF_CHECK(all.banned(alice, now));
  CAF_CHECK(!all.banned(bob, now));
  CAF_CHECK_EQUAL(all.banned_count(now), 1u);
  CAF_CHECK(all.banned(alice, now + 59s));
  CAF_CHECK(!all.banned(alice, now + 60s));
  CAF_CHECK_EQUAL(all.banned_count(now + 60s), 0u);
}

CAF_TEST(a ban is reported once and not prolonged) {
  CAF_CHECK(note(alice, 3));
  now += 30s;
  CAF_CHECK(!note(alice, 10));
  now += 30s;
  CAF_CHECK(!all.banned(alice, now));
  CAF_CHECK(!note(alice, 2));
  CAF_CHECK(note(alice, 1));
}

CAF_TEST(bad ids that come seldom are forgotten) {
  for (int i = 0; i < 20; ++i) {
    CAF_CHECK(!note(alice, 2));
    now += offenders::window;
  }
  CAF_CHECK(!all.banned(alice, now));
}

CAF_TEST(an IPv6 network is one offender) {
  for (auto text : {"2001:db8::1", "2001:db8::2", "2001:db8::3"})
    note(*ip_address::parse(text), 1);
  CAF_CHECK(all.banned(*ip_address::parse("2001:db8::4"), now));
  CAF_CHECK(!all.banned(*ip_address::parse("2001:db8:0:1::1"), now));
}

CAF_TEST(a limit of zero bans nobody) {
  offenders none{{0, 60s, hash_key{1, 2}}};
  for (int i = 0; i < 100; ++i)
    CAF_CHECK(!none.note(alice, now));
  CAF_CHECK(!none.banned(alice, now));
}

CAF_TEST(memory is bounded and bans outlive newcomers) {
  offenders few{{2, 600s, hash_key{1, 2}}};
  few.note(alice, now);
  few.note(alice, now);
  for (uint32_t n = 0; n < 2 * limits::udp_offenders_max; ++n)
    few.note(numbered(n), now);
  CAF_CHECK(few.size(now) <= limits::udp_offenders_max);
  CAF_CHECK(few.banned(alice, now));
}

CAF_TEST_FIXTURE_SCOPE_END()
