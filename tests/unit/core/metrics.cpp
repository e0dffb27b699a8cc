// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE core.metrics

#include "core/metrics.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal;

namespace {

std::string text_of(const metrics::registry& x) {
  std::string text;
  x.render(text);
  return text;
}

} // namespace

CAF_TEST(series of a collector come and go while their family stays) {
  std::map<std::string, double> nodes{{"a", 1}, {"b", 2.5}};
  metrics::registry registry;
  registry.add_collector("links", "how many", "gauge", [&](auto& sink) {
    for (auto& [node, value] : nodes)
      sink("node=" + metrics::quoted(node), value);
  });
  registry.add_counter("zzz", "the last");
  CAF_CHECK_EQUAL(text_of(registry), "# HELP links how many\n# TYPE links gauge\n"
                                     "links{node=\"a\"} 1\nlinks{node=\"b\"} 2.5\n"
                                     "# HELP zzz the last\n# TYPE zzz counter\nzzz 0\n");
  nodes.erase("a");
  CAF_CHECK(text_of(registry).find("\"a\"") == std::string::npos);
  CAF_CHECK(text_of(registry).find("links{node=\"b\"} 2.5\n") != std::string::npos);
}

CAF_TEST(values of labels cannot end their quotes) {
  CAF_CHECK_EQUAL(metrics::quoted("a"), "\"a\"");
  CAF_CHECK_EQUAL(metrics::quoted("a\"} 1\n\\"), "\"a\\\"} 1\\n\\\\\"");
}
