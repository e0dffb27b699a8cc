// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.limit_metrics

#include "http/limit_metrics.hpp"

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <regex>

using namespace shoal;

namespace {

/// The names in core/limits.hpp.
std::vector<std::string> declared() {
  auto root = std::filesystem::path{__FILE__}.parent_path() / "../../..";
  std::ifstream in{root / "core/limits.hpp"};
  const std::regex constant{R"(^inline constexpr \S+ (\w+).*)"};
  std::vector<std::string> names;
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, match, constant))
      names.push_back(match[1]);
  return names;
}

} // namespace

CAF_TEST(every limit is shown) {
  metrics::registry registry;
  http::add_limit_metrics(registry);
  std::string text;
  registry.render(text);
  auto names = declared();
  CAF_CHECK_GREATER(names.size(), 30u);
  for (auto& name : names) {
    CAF_MESSAGE(name);
    CAF_CHECK(text.find("shoal_limit{name=\"" + name + "\"} ") != std::string::npos);
  }
}
