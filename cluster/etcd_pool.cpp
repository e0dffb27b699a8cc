// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_pool.hpp"

namespace shoal::coordination {

std::shared_ptr<etcd_connection> etcd_pool::take(size_t endpoint) {
  ++in_use_;
  for (auto i = idle_.size(); i-- > 0;) {
    if (idle_[i].endpoint != endpoint)
      continue;
    auto found = std::move(idle_[i].connection);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (found->is_silent())
      return found;
    found->close();
  }
  if (!idle_.empty() && in_use_ + idle_.size() > limit_) {
    idle_.front().connection->close();
    idle_.erase(idle_.begin());
  }
  return nullptr;
}

void etcd_pool::give_back(size_t endpoint, std::shared_ptr<etcd_connection> used) {
  SHOAL_CHECK(in_use_ > 0);
  --in_use_;
  if (!used)
    return;
  if (used->is_reusable())
    idle_.push_back({endpoint, std::move(used)});
  else
    used->close();
}

void etcd_pool::close() {
  for (auto& each : idle_)
    each.connection->close();
  idle_.clear();
}

} // namespace shoal::coordination
