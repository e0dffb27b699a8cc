// SPDX-License-Identifier: Apache-2.0
#include "actors/agent_book.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <mutex>

namespace shoal {

namespace {

uint8_t pace_of(uint64_t bytes_per_second) {
  constexpr uint64_t megabyte = 1'000'000;
  return bytes_per_second >= 100 * megabyte ? 3 : bytes_per_second >= 10 * megabyte ? 2 : 1;
}

} // namespace

bool agent_book::put(uint64_t line, const ip_address& address, ws_agent said, unix_seconds now) {
  std::unique_lock lock{mutex_};
  auto known = agents_.find(line);
  if (known == agents_.end() && agents_.size() >= limits::agents_max)
    return false;
  reports_.fetch_add(1, std::memory_order_relaxed);
  if (known != agents_.end()) {
    known->second.said = std::move(said);
    return true;
  }
  agents_.emplace(line, agent_card{address, std::move(said), now});
  lines_.emplace(address, line);
  count_ = agents_.size();
  return true;
}

void agent_book::remove(uint64_t line) {
  if (count() == 0)
    return; // As with most peers that end.
  std::unique_lock lock{mutex_};
  auto known = agents_.find(line);
  if (known == agents_.end())
    return;
  auto [at, end] = lines_.equal_range(known->second.address);
  at = std::find_if(at, end, [line](auto& x) { return x.second == line; });
  if (at != end)
    lines_.erase(at);
  agents_.erase(known);
  count_ = agents_.size();
}

std::optional<agent_book::place> agent_book::find(const ip_address& address) const {
  if (count() == 0)
    return std::nullopt;
  std::shared_lock lock{mutex_};
  std::optional<place> best;
  auto [at, end] = lines_.equal_range(address);
  for (; at != end; ++at) {
    auto& said = agents_.at(at->second).said;
    auto pace = pace_of(said.capacity_bytes_per_second);
    if (!best || pace > best->pace)
      best = place{said.zone, pace};
  }
  return best;
}

std::vector<agent_card> agent_book::list(size_t max) const {
  std::shared_lock lock{mutex_};
  std::vector<agent_card> all;
  for (auto& [line, card] : agents_)
    all.push_back(card);
  auto longer = [](auto& a, auto& b) { return a.since < b.since; };
  std::stable_sort(all.begin(), all.end(), longer);
  all.resize(std::min(all.size(), max));
  return all;
}

uint64_t agent_book::capacity_bytes_per_second() const {
  std::shared_lock lock{mutex_};
  uint64_t sum = 0;
  for (auto& [line, card] : agents_)
    sum += card.said.capacity_bytes_per_second;
  return sum;
}

} // namespace shoal
