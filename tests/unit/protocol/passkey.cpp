// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.passkey

#include "protocol/passkey.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const std::vector secrets{"current"s, "previous"s};

std::string passkey(std::string_view secret, std::string_view user_id) {
  return make_passkey(secret, user_id).value();
}

} // namespace

CAF_TEST(a passkey is the id and its signature) {
  // HMAC-SHA256 test vector of RFC 4231 section 4.3.
  CAF_CHECK_EQUAL(passkey("Jefe", "what do ya want for nothing?"),
                  "what do ya want for nothing?."
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

CAF_TEST(ids with dots survive a round trip) {
  for (auto id : {"alice", "a.b.c", ".", "..", "mail@example.org", "\xc3\xa9", "a b"}) {
    CAF_CHECK_EQUAL(verify_passkey(secrets, passkey("current", id)), std::string{id});
    CAF_CHECK_EQUAL(verify_passkey(secrets, passkey("previous", id)), std::string{id});
    CAF_CHECK(!verify_passkey(secrets, passkey("older", id)));
  }
}

CAF_TEST(hexadecimal digits of either case are fine) {
  auto key = passkey("current", "bob");
  for (auto i = key.rfind('.'); i < key.size(); ++i)
    key[i] = static_cast<char>(std::toupper(key[i]));
  CAF_CHECK_EQUAL(verify_passkey(secrets, key), "bob"s);
}

CAF_TEST(no changed or truncated passkey is valid) {
  auto key = passkey("current", "bob");
  for (size_t i = 0; i < key.size(); ++i) {
    CAF_CHECK(!verify_passkey(secrets, key.substr(0, i)));
    CAF_CHECK(!verify_passkey(secrets, key.substr(i + 1)));
    auto changed = key;
    changed[i] = changed[i] == '0' ? '1' : '0';
    CAF_CHECK(!verify_passkey(secrets, changed));
  }
  CAF_CHECK(!verify_passkey(secrets, key + "0"));
  CAF_CHECK(!verify_passkey(secrets, key + "."));
  CAF_CHECK(!verify_passkey({}, key));
}

CAF_TEST(an empty secret signs and verifies nothing) {
  CAF_CHECK(!make_passkey("", "bob"));
  // The signature that an empty key would give.
  const std::vector empty{""s};
  CAF_CHECK(!verify_passkey(
      empty, "bob.8ac86c0627fad0e06793a645ae2c366a44e3b42ac4dd8ea52d4d793cfd8f1abe"));
  CAF_CHECK(!verify_passkey(empty, passkey("current", "bob")));
}

CAF_TEST(user ids are bounded) {
  CAF_CHECK(!make_passkey("s", ""));
  CAF_CHECK(!make_passkey("s", "a\nb"));
  CAF_CHECK(!make_passkey("s", std::string(limits::user_id_bytes_max + 1, 'u')));
  auto longest = std::string(limits::user_id_bytes_max, 'u');
  CAF_CHECK_EQUAL(verify_passkey(secrets, passkey("current", longest)), longest);
  CAF_CHECK(!verify_passkey(secrets, std::string(100'000, '.')));
}
