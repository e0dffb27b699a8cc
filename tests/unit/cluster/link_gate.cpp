// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_gate

#include "cluster/link_gate.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::literals;

namespace {

struct fixture {
  /// @returns how many of so many get in; they leave at once.
  size_t admitted(const ip_address& from, size_t tries) {
    size_t n = 0;
    for (size_t i = 0; i < tries; ++i)
      if (auto as = gate.admit(from, now); as != guest::turned_away) {
        ++n;
        gate.leave(from, as);
      }
    return n;
  }

  using guest = link_gate::guest;

  static ip_address some(size_t i) {
    return ip_address::v4({10, uint8_t(i >> 16), uint8_t(i >> 8), uint8_t(i)});
  }

  link_gate gate;
  mono_time now{1h};
  ip_address one = ip_address::v4({10, 0, 0, 1});
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(link_gate_tests, fixture)

CAF_TEST(an address may begin so many handshakes in a second and others are not slowed) {
  CAF_CHECK_EQUAL(admitted(one, 1000), 2 * limits::link_handshakes_per_second_max);
  CAF_CHECK_EQUAL(admitted(ip_address::v4({10, 0, 0, 2}), 1), 1u);
  now += 1s;
  CAF_CHECK_EQUAL(admitted(one, 1000), limits::link_handshakes_per_second_max);
}

CAF_TEST(an address may keep so many strangers) {
  for (size_t i = 0; i < limits::link_strangers_per_address_max; ++i)
    CAF_CHECK(gate.admit(one, now += 1s) == guest::unknown);
  CAF_CHECK(gate.admit(one, now += 1s) == guest::turned_away);
  gate.leave(one, guest::unknown);
  CAF_CHECK(gate.admit(one, now) == guest::unknown);
}

CAF_TEST(a network of IPv6 counts as one address) {
  auto low = *ip_address::parse("2001:db8::1");
  auto high = *ip_address::parse("2001:db8::ffff");
  CAF_CHECK_EQUAL(admitted(low, 1000) + admitted(high, 1000),
                  2 * limits::link_handshakes_per_second_max);
}

CAF_TEST(addresses are forgotten and the table is bounded) {
  for (size_t i = 0; i < limits::link_addresses_max + 100; ++i)
    gate.admit(some(i), now += 10ms); // And none of them leaves.
  CAF_CHECK_EQUAL(gate.addresses(), limits::link_addresses_max);
  CAF_CHECK_EQUAL(gate.turned_away(), 100u);
  for (size_t i = 0; i < limits::link_addresses_max; ++i)
    gate.leave(some(i), guest::unknown);
  now += 5s;
  CAF_CHECK_EQUAL(admitted(one, 1), 1u);
  CAF_CHECK_EQUAL(gate.addresses(), 1u);
}

CAF_TEST(many addresses together do not keep out a node) {
  auto node = *ip_address::parse("2001:db8::1");
  auto beside = *ip_address::parse("2001:db8::2");
  gate.expect({node});
  size_t in = 0;
  for (size_t i = 0; i < 5000; ++i)
    in += admitted(some(i), 1);
  CAF_CHECK_EQUAL(in, 2 * limits::link_unknown_handshakes_per_second_max);
  CAF_CHECK_EQUAL(admitted(beside, 1), 0u);
  CAF_CHECK_EQUAL(admitted(node, 1000), 2 * limits::link_handshakes_per_second_max);
  CAF_MESSAGE("others that are followed later change nothing for it");
  gate.expect({node, beside});
  CAF_CHECK_EQUAL(admitted(node, 1000), 0u);
  CAF_CHECK_EQUAL(admitted(beside, 1), 1u);
  gate.expect({});
  CAF_CHECK_EQUAL(admitted(node, 1), 0u);
  now += 1s;
  CAF_CHECK(gate.admit(node, now) == guest::unknown);
}

CAF_TEST_FIXTURE_SCOPE_END()
