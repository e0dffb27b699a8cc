// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.utp_rule

#include "cmd/get/utp_rule.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal::get;
using std::chrono::seconds;

namespace {

const utp_rule::clock::time_point utp_start{seconds(1'000)};

} // namespace

CAF_TEST(peers that are all reached need no uTP) {
  utp_rule rule;
  for (int s = 0; s < 1'000; ++s)
    CAF_CHECK(!rule.allows(utp_start + seconds(s), 0));
}

CAF_TEST(a peer that stays out of reach is called by uTP) {
  utp_rule rule;
  CAF_CHECK(!rule.allows(utp_start, 1));
  CAF_CHECK(!rule.allows(utp_start + utp_rule::patience - seconds(1), 2));
  CAF_CHECK(rule.allows(utp_start + utp_rule::patience, 1));
}

CAF_TEST(peers that are reached in time do not add up) {
  utp_rule rule;
  for (int s = 0; s < 1'000; ++s)
    CAF_CHECK(!rule.allows(utp_start + seconds(s), s % 8 == 0 ? 0 : 3));
}

CAF_TEST(uTP stays once it was needed) {
  utp_rule rule;
  rule.allows(utp_start, 1);
  CAF_CHECK(rule.allows(utp_start + utp_rule::patience, 1));
  CAF_CHECK(rule.allows(utp_start + utp_rule::patience, 0));
}
