// SPDX-License-Identifier: Apache-2.0
#include "actors/usage_ledger.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace shoal {

namespace {

uint64_t saturating_sum(uint64_t a, uint64_t b) {
  return b > std::numeric_limits<uint64_t>::max() - a ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

} // namespace

bool usage_ledger::add(std::string_view user, const usage_delta& delta) {
  if (delta == usage_delta{})
    return true;
  if (pending_.size() >= max_users_ && !pending_.contains(user)) {
    ++dropped_;
    return false;
  }
  merge(user, delta);
  return true;
}

std::vector<usage_entry> usage_ledger::take(size_t count) {
  std::vector<usage_entry> batch;
  batch.reserve(std::min(count, pending_.size()));
  while (batch.size() < count && !pending_.empty()) {
    auto node = pending_.extract(pending_.begin());
    batch.push_back({std::move(node.key()), node.mapped()});
  }
  return batch;
}

void usage_ledger::give_back(const std::vector<usage_entry>& batch) {
  for (const auto& entry : batch)
    merge(entry.user, entry.delta);
}

void usage_ledger::merge(std::string_view user, const usage_delta& delta) {
  auto at = pending_.find(user);
  if (at == pending_.end())
    at = pending_.emplace(std::string(user), usage_delta{}).first;
  at->second.uploaded_bytes = saturating_sum(at->second.uploaded_bytes, delta.uploaded_bytes);
  at->second.downloaded_bytes = saturating_sum(at->second.downloaded_bytes, delta.downloaded_bytes);
}

} // namespace shoal
