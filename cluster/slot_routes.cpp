// SPDX-License-Identifier: Apache-2.0
#include "cluster/slot_routes.hpp"

#include <algorithm>

namespace shoal::cluster {

node_number slot_routes::number_of(const std::string& node) {
  if (node.empty())
    return nobody;
  std::lock_guard guard{mutex_};
  auto known = std::find(names_.begin() + 1, names_.end(), node);
  if (known != names_.end())
    return static_cast<node_number>(known - names_.begin());
  if (names_.size() >= nodes_max + 2)
    return nobody;
  names_.push_back(node);
  count_.store(names_.size(), std::memory_order_release);
  return static_cast<node_number>(names_.size() - 1);
}

} // namespace shoal::cluster
