// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shoal {

/// What clients call a file, and an origin too.
struct origin_name {
  std::string kind = "model"; ///< "model", "dataset" or "space".
  std::string id;
  std::string rev;
  std::string path;

  bool operator==(const origin_name&) const = default;
};

} // namespace shoal
