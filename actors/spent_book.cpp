// SPDX-License-Identifier: Apache-2.0
#include "actors/spent_book.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal {

void spent_book::note(uint64_t who, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  auto found = untold_.find(who);
  if (found != untold_.end())
    found->second += bytes;
  else if (untold_.size() < limits::spent_principals_max)
    untold_.emplace(who, bytes);
}

link_spent spent_book::take() {
  std::lock_guard lock(mutex_);
  link_spent told;
  told.reserve(std::min(untold_.size(), limits::link_spent_max));
  for (auto at = untold_.begin(); at != untold_.end() && told.size() < limits::link_spent_max;
       at = untold_.erase(at))
    told.push_back({at->first, std::min(at->second, limits::link_spent_bytes_max)});
  return told;
}

void spent_book::count_with(counter who) {
  std::lock_guard lock(mutex_);
  counter_ = std::move(who);
}

void spent_book::hear(const link_spent& x) const {
  std::unique_lock lock(mutex_);
  auto who = counter_;
  lock.unlock();
  if (who)
    who(x);
}

} // namespace shoal
