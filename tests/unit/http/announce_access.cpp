// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.announce_access

#include "http/dialects/announce_access.hpp"

#include "protocol/passkey.hpp"
#include "results.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace shoal::test;
using namespace std::literals;

namespace {

const std::vector secrets{"current"s, "previous"s};

} // namespace

CAF_TEST(without secrets everybody may come and is nobody) {
  CAF_CHECK_EQUAL(value_of(check_passkey({}, "")), "");
  CAF_CHECK_EQUAL(value_of(check_passkey({}, "alice.0000")), "");
}

CAF_TEST(with secrets a passkey names its user) {
  for (auto& secret : secrets)
    CAF_CHECK_EQUAL(value_of(check_passkey(secrets, *make_passkey(secret, "a.b"))), "a.b");
}

CAF_TEST(missing and wrong passkeys are told apart) {
  CAF_CHECK_EQUAL(error_of(check_passkey(secrets, "")).detail,
                  "Unauthorized: Passkey required in path (/announce/ID.SIG)");
  for (auto key : {"alice", "alice.", "alice.00", ".", "x"})
    CAF_CHECK_EQUAL(error_of(check_passkey(secrets, key)).detail, "Unauthorized");
  CAF_CHECK_EQUAL(error_of(check_passkey(secrets, *make_passkey("other", "alice"))).detail,
                  "Unauthorized");
}
