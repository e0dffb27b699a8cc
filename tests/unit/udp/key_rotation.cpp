// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.key_rotation

#include "udp/key_rotation.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::udp;
using namespace std::chrono_literals;

namespace {

connection_keys key(uint64_t n) {
  return {hash_key{n, n}, {}};
}

/// "1 2": issues under key 1, accepts 2 as well.
std::string text(const connection_keys& keys) {
  auto out = std::to_string(keys.current.k0);
  for (auto& other : keys.others)
    out += " " + std::to_string(other.k0);
  return out;
}

constexpr auto notice = key_rotation::notice;
constexpr auto life = connection_ids::life;
const mono_time start{1000s};

struct fixture {
  key_rotation keys{key(1)};

  std::string after(mono_time::duration since_start) { return text(keys.at(start + since_start)); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(key_rotation_tests, fixture)

CAF_TEST(a new key is accepted before it is used and the old one until its ids are gone) {
  CAF_CHECK_EQUAL(after(0s), "1");
  CAF_CHECK(keys.change(key(2), start));
  CAF_CHECK_EQUAL(after(0s), "1 2");
  CAF_CHECK_EQUAL(after(notice - 1ns), "1 2");
  CAF_CHECK_EQUAL(after(notice), "2 1");
  CAF_CHECK_EQUAL(after(notice + life - 1ns), "2 1");
  CAF_CHECK_EQUAL(after(notice + life), "2");
}

CAF_TEST(saying the same again changes nothing) {
  CAF_CHECK(!keys.change(key(1), start));
  CAF_CHECK_EQUAL(after(0s), "1");
  keys.change(key(2), start);
  CAF_CHECK(!keys.change(key(2), start + notice - 1s));
  CAF_CHECK_EQUAL(after(notice), "2 1");
  CAF_CHECK(!keys.change(key(2), start + notice + life - 1s));
  CAF_CHECK_EQUAL(after(notice + life), "2");
}

CAF_TEST(a second change forgets the first key) {
  keys.change(key(2), start);
  keys.change(key(3), start + 1min);
  CAF_CHECK_EQUAL(after(1min), "2 3");
  CAF_CHECK_EQUAL(after(1min + notice), "3 2");
}

CAF_TEST(a key that was never used is not kept) {
  keys.change(key(2), start);
  keys.change(key(3), start + 1s);
  CAF_CHECK_EQUAL(after(1s), "1 3");
  CAF_CHECK_EQUAL(after(1s + notice), "3 1");
}

CAF_TEST(keys that the operator names are accepted until they are not named any more) {
  keys.change({hash_key{1, 1}, {hash_key{2, 2}}}, start);
  CAF_CHECK_EQUAL(after(0s), "1 2");
  CAF_CHECK_EQUAL(after(1h), "1 2");
  keys.change({hash_key{2, 2}, {hash_key{3, 3}}}, start + 1h);
  CAF_CHECK_EQUAL(after(1h), "1 3 2");
  CAF_CHECK_EQUAL(after(1h + notice), "2 3 1");
  CAF_CHECK_EQUAL(after(1h + notice + life), "2 3");
  CAF_CHECK(keys.change(key(2), start + 2h));
  CAF_CHECK_EQUAL(after(2h), "2");
}

CAF_TEST(no client is refused whichever thread or node it asks) {
  CAF_MESSAGE("looks of the two are a second apart and the other is told at the last moment");
  key_rotation other{key(1)};
  keys.change(key(2), start);
  other.change(key(2), start + notice - 1s);
  const auto alice = *ip_address::parse("192.0.2.1");
  for (auto passed = 0s; passed < notice + 10s; passed += 1s) {
    connection_ids one{keys.at(start + passed)};
    connection_ids two{(passed < notice - 1s ? key_rotation{key(1)} : other).at(start + passed)};
    one.set_time(1'700'000'040, start);
    two.set_time(1'700'000'040, start);
    CAF_CHECK(two.check(alice, one.issue(alice)));
    CAF_CHECK(one.check(alice, two.issue(alice)));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
