// SPDX-License-Identifier: Apache-2.0
#include "cluster/counter_ledger.hpp"

namespace shoal::cluster {

namespace {

bool is_nothing(const counter_amounts& x) {
  return x.completions == 0 && x.uploaded_bytes == 0 && x.downloaded_bytes == 0 && x.announces == 0;
}

} // namespace

bool counter_ledger::add(const counter_key& of, const counter_amounts& amounts) {
  std::lock_guard guard{mutex_};
  auto at = all_.find(of);
  if (at == all_.end()) {
    if (all_.size() >= records_max_)
      return false;
    at = all_.emplace(of, counter_amounts{}).first;
  }
  at->second.add(amounts);
  new_[of].add(amounts);
  return true;
}

counter_amounts counter_ledger::pending(const counter_key& of) const {
  std::lock_guard guard{mutex_};
  auto at = all_.find(of);
  return at == all_.end() ? counter_amounts{} : at->second;
}

size_t counter_ledger::size() const {
  std::lock_guard guard{mutex_};
  return all_.size();
}

void counter_ledger::hand_over(counter_flusher& to) {
  std::lock_guard guard{mutex_};
  // The writer's bound is not below ours; what it would not take stays.
  std::erase_if(new_, [&](const auto& x) { return to.add(x.first, x.second); });
}

counter_ledger::amounts_map::iterator counter_ledger::settle(const counter_flusher& with,
                                                             amounts_map::iterator at) {
  auto left = with.pending(at->first);
  if (auto more = new_.find(at->first); more != new_.end())
    left.add(more->second);
  if (is_nothing(left))
    return all_.erase(at);
  at->second = left;
  return std::next(at);
}

void counter_ledger::settle(const counter_flusher& with, const commit_request& written) {
  std::lock_guard guard{mutex_};
  for (const auto& m : written.mutations)
    if (auto at = all_.find({m.where, m.key}); at != all_.end())
      settle(with, at);
}

void counter_ledger::settle_all(const counter_flusher& with) {
  std::lock_guard guard{mutex_};
  for (auto at = all_.begin(); at != all_.end();)
    at = settle(with, at);
}

} // namespace shoal::cluster
