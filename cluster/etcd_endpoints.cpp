// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_endpoints.hpp"

#include "core/log.hpp"

namespace shoal::coordination {

std::optional<size_t> etcd_endpoints::pick(mask tried) const {
  for (size_t i = 0; i < all_.size(); ++i) {
    auto which = (preferred_ + i) % all_.size();
    if ((tried >> which & 1) == 0)
      return which;
  }
  return std::nullopt;
}

void etcd_endpoints::failed(size_t which, const error& why) {
  seen(which, false);
  if (which != preferred_)
    return;
  log::debug("etcd", "fails endpoint={} why=\"{}\"", all_[which].authority(), why.detail);
  preferred_ = (preferred_ + 1) % all_.size();
  ++failovers_;
}

void etcd_endpoints::worked(size_t which) {
  seen(which, true);
  if (!reachable_)
    preferred_ = which;
  if (which != preferred_ || (reachable_ && announced_ == which)) // A late answer changes nothing.
    return;
  log::info("etcd", "uses endpoint={}", all_[which].authority());
  announced_ = which;
  reachable_ = true;
}

void etcd_endpoints::seen(size_t which, bool up) {
  seen_[which].up = up;
  seen_[which].failures += !up;
}

std::vector<etcd_endpoint_health> etcd_endpoints::health() const {
  std::vector<etcd_endpoint_health> made;
  for (size_t i = 0; i < all_.size(); ++i)
    made.push_back({all_[i].authority(), i == preferred_, seen_[i].up, seen_[i].failures});
  return made;
}

void etcd_endpoints::none_left(const error& why) {
  if (!reachable_)
    return;
  log::warn("etcd", "reaches no endpoint, last=\"{}\"", why.detail);
  reachable_ = false;
}

} // namespace shoal::coordination
