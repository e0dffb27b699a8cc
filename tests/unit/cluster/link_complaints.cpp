// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_complaints

#include "cluster/link_complaints.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

using tone = link_complaints::tone;

struct fixture {
  tone about(const std::string& node, std::optional<link_refusal> reason,
             const std::string& text = "x") {
    return all.about(node, text, reason, now);
  }

  mono_time now{1h};
  link_complaints all;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(link_complaints_tests, fixture)

CAF_TEST(the same words are said once in a minute) {
  CAF_CHECK(about("a", link_refusal::skewed_config) == tone::warning);
  CAF_CHECK(about("a", link_refusal::skewed_config) == tone::debug);
  CAF_CHECK(about("b", std::nullopt) == tone::warning);
  CAF_CHECK(about("a", std::nullopt, "other") == tone::warning);
  now += link_complaints::period;
  CAF_CHECK(about("a", link_refusal::skewed_config) == tone::warning);
}

CAF_TEST(what is normal while nodes start is a warning when it goes on) {
  CAF_CHECK(about("a", link_refusal::unknown_node) == tone::info);
  now += 5s;
  CAF_CHECK(about("a", link_refusal::old_incarnation) == tone::debug);
  now += 5s;
  CAF_CHECK(about("b", link_refusal::unknown_node) == tone::info);
  now += 5s;
  CAF_CHECK(about("a", link_refusal::unknown_node) == tone::warning);
  CAF_CHECK(about("a", link_refusal::unknown_node) == tone::debug);
  CAF_MESSAGE("a link ends it");
  all.over("b");
  now += 10s;
  CAF_CHECK(about("b", link_refusal::unknown_node) == tone::info);
  CAF_MESSAGE("and so does silence");
  now += link_complaints::race_gap;
  CAF_CHECK(about("a", link_refusal::unknown_node) == tone::info);
}

CAF_TEST(what is remembered is bounded) {
  for (size_t i = 0; i < limits::link_complaints_max; ++i) {
    CAF_REQUIRE(about("w" + std::to_string(i), std::nullopt) == tone::warning);
    CAF_REQUIRE(about("r" + std::to_string(i), link_refusal::unknown_node) == tone::info);
  }
  CAF_CHECK(about("one more", std::nullopt) == tone::debug);
  CAF_CHECK(about("one more", link_refusal::unknown_node) == tone::debug);
}

CAF_TEST_FIXTURE_SCOPE_END()
