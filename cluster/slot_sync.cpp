// SPDX-License-Identifier: Apache-2.0
#include "cluster/slot_sync.hpp"

namespace shoal::cluster {

namespace {

/// @returns nothing after the last one.
std::optional<info_hash> successor(info_hash x) {
  for (auto i = x.bytes.rbegin(); i != x.bytes.rend(); ++i)
    if (++*i != 0)
      return x;
  return std::nullopt;
}

} // namespace

slot_sync::task slot_sync::next(size_t backlog_bytes) const {
  using what = task::what;
  if (swarms_.empty() && !list_from_)
    return {what::done, {}, 0};
  if (backlog_bytes > config_.backlog_bytes_max)
    return {what::wait, {}, 0};
  if (swarms_.empty())
    return {what::list, *list_from_, 0};
  return {what::ask, swarms_.back(), identity_};
}

void slot_sync::listed(const delta_range& x) {
  list_from_ = successor(x.to);
  swarms_.assign(x.swarms.rbegin(), x.swarms.rend());
  identity_ = 0;
}

void slot_sync::wrote(std::optional<uint64_t> next_identity) {
  identity_ = next_identity.value_or(0);
  if (!next_identity)
    swarms_.pop_back();
}

} // namespace shoal::cluster
