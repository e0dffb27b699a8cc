// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.lost_streams

#include "http/lost_streams.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

CAF_TEST(streams that bring nothing come to an end) {
  http::lost_streams lost;
  for (size_t i = 1; i < limits::object_relay_tries_max; ++i)
    CAF_CHECK(lost.may_open_another(false));
  CAF_CHECK(!lost.may_open_another(false));
}

CAF_TEST(one that brings something begins the count anew) {
  http::lost_streams lost;
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 1; i < limits::object_relay_tries_max; ++i)
      CAF_CHECK(lost.may_open_another(false));
    CAF_CHECK(lost.may_open_another(true));
  }
}
