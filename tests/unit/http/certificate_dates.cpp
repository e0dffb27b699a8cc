// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.certificate_dates

#include "http/certificate_dates.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

constexpr unix_seconds begins = 1'700'000'000;
constexpr unix_seconds ends = 1'710'000'000;

std::string said(unix_seconds now) {
  return http::complaint_about({"a.crt", begins, ends}, now).value_or("");
}

} // namespace

CAF_TEST(a certificate is good from its first second to its last) {
  for (auto now : {begins, begins + 1, ends - 1, ends})
    CAF_CHECK_EQUAL(said(now), "");
  const std::string span = ": valid from 2023-11-14T22:13:20Z to 2024-03-09T16:00:00Z";
  CAF_CHECK_EQUAL(said(begins - 1), "a.crt is not valid yet" + span);
  CAF_CHECK_EQUAL(said(ends + 1), "a.crt has expired" + span);
}
