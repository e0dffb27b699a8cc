// SPDX-License-Identifier: Apache-2.0
#include "protocol/selection.hpp"

#include <algorithm>
#include <fnmatch.h>

namespace shoal {

bool matches(const std::string& pattern, const std::string& path) {
  if (pattern.empty())
    return false;
  const bool is_folder = pattern.back() == '/';
  const auto folder = is_folder ? pattern : pattern + "/";
  return path.starts_with(folder)
         || ::fnmatch((is_folder ? pattern + "*" : pattern).c_str(), path.c_str(), 0) == 0;
}

bool selection::wants(const std::string& path) const {
  auto meant_by = [&](auto& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](auto& pattern) { return matches(pattern, path); });
  };
  return !meant_by(exclude) && (include.empty() || meant_by(include));
}

} // namespace shoal
