// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.principal

#include "http/principal.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <thread>

using namespace shoal::http;
using namespace std::chrono_literals;

namespace {

constexpr shoal::unix_seconds now = 1'800'000'000;
const session_seal seal{session_secret({1, 2})};
const principal alice{principal_kind::user, 0x00abcdef01234567 & principal::number_mask, "alice"};

} // namespace

CAF_TEST(a session says whose it is) {
  auto id = seal.issue(alice, now);
  CAF_CHECK_EQUAL(id.size(), 40u);
  CAF_CHECK(id.find_first_not_of("0123456789ABCDEF") == std::string::npos);
  auto found = seal.open(id, now, 60s);
  CAF_REQUIRE(found);
  CAF_CHECK(found->kind == alice.kind);
  CAF_CHECK_EQUAL(found->number, alice.number);
  CAF_CHECK_EQUAL(found->key(), alice.key());
  CAF_CHECK_EQUAL(found->shown(), alice.key());
  CAF_CHECK_EQUAL(alice.shown(), "alice");
}

CAF_TEST(a session ends) {
  auto id = seal.issue(alice, now);
  CAF_CHECK(seal.open(id, now + 60, 60s));
  CAF_CHECK(!seal.open(id, now + 61, 60s));
  CAF_CHECK(seal.open(id, now - 300, 60s));
  CAF_CHECK(!seal.open(id, now - 301, 60s));
}

CAF_TEST(no digit of a session can be changed) {
  auto id = seal.issue(alice, now);
  for (size_t i = 0; i < id.size(); ++i) {
    auto bad = id;
    bad[i] = bad[i] == '0' ? '1' : '0';
    CAF_CHECK(!seal.open(bad, now, 60s));
  }
  CAF_CHECK(!seal.open("", now, 60s));
  CAF_CHECK(!seal.open(id + "0", now, 60s));
  CAF_CHECK(!seal.open(std::string(40, 'g'), now, 60s));
  CAF_CHECK(!session_seal{session_secret({1, 3})}.open(id, now, 60s));
}

CAF_TEST(a session is good as long as the secret that sealed it is one of those accepted) {
  session_seal one{"old"};
  auto old = one.issue(alice, now);
  CAF_MESSAGE("another node may seal with the next one already");
  one.change_secrets({"old", "new"});
  CAF_CHECK_EQUAL(one.issue(alice, now), old);
  auto made = session_seal{"new"}.issue(alice, now);
  CAF_CHECK(made != old);
  auto found = one.open(made, now, 60s);
  CAF_REQUIRE(found);
  CAF_CHECK_EQUAL(found->number, alice.number);
  CAF_MESSAGE("it takes over");
  one.change_secrets({"new", "old"});
  CAF_CHECK_EQUAL(one.issue(alice, now), made);
  CAF_CHECK(one.open(old, now, 60s));
  CAF_CHECK(!one.open(old, now + 61, 60s));
  CAF_MESSAGE("the old one's time is over");
  one.change_secrets({"new"});
  CAF_CHECK(!one.open(old, now, 60s));
  one.change_secrets({});
  CAF_CHECK(one.open(made, now, 60s));
}

CAF_TEST(nobody is refused while secrets change) {
  session_seal shared{"first"};
  auto id = shared.issue(alice, now);
  std::atomic<bool> ends{false};
  std::atomic<int> refused{0};
  auto visit = [&] {
    do {
      refused += !shared.open(id, now, 60s);
      refused += !shared.open(shared.issue(alice, now), now, 60s);
    } while (!ends);
  };
  std::thread visitor{visit};
  std::thread another{visit};
  for (int i = 0; i < 2000; ++i)
    shared.change_secrets(i % 2 == 0 ? std::vector<std::string>{"second", "first"}
                                     : std::vector<std::string>{"first", "second"});
  ends = true;
  visitor.join();
  another.join();
  CAF_CHECK_EQUAL(refused.load(), 0);
}

CAF_TEST(nobody gets a session of an address) {
  auto id = seal.issue({principal_kind::address, 5, {}}, now);
  CAF_CHECK(!seal.open(id, now, 60s));
}

CAF_TEST(principals have keys of their own) {
  CAF_CHECK_EQUAL((principal{principal_kind::guest, 0xabc, {}}.key()), "guest-00000000000abc");
  CAF_CHECK_EQUAL((principal{principal_kind::admin, 0, {}}.key()), "admin");
}
