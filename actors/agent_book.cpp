// SPDX-License-Identifier: Apache-2.0
#include "actors/agent_book.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <mutex>

namespace shoal {

namespace {

/// Three reports that did not come.
constexpr unix_seconds far_agent_life_s = 90;
constexpr unix_seconds sweep_period_s = 10;

uint8_t pace_of(uint64_t bytes_per_second) {
  constexpr uint64_t megabyte = 1'000'000;
  return bytes_per_second >= 100 * megabyte ? 3 : bytes_per_second >= 10 * megabyte ? 2 : 1;
}

bool is_outdated(const agent_card& x, unix_seconds now) {
  return x.until != 0 && x.until < now;
}

} // namespace

/// With the lock held, as the next two. @returns false if there are too many.
bool agent_book::note(const key& at, agent_card card) {
  auto known = agents_.find(at);
  if (known != agents_.end() && known->second.address != card.address) {
    erase(at); // A node that has started again numbers its lines anew.
    known = agents_.end();
  }
  if (known == agents_.end()) {
    auto of_its_kind = at.first.empty() ? count() : agents_.size() - count();
    if (of_its_kind >= limits::agents_max)
      return false;
    lines_.emplace(card.address, at);
    agents_.emplace(at, std::move(card));
    known_ = agents_.size();
    return true;
  }
  known->second.said = std::move(card.said);
  known->second.until = card.until;
  return true;
}

bool agent_book::erase(const key& at) {
  auto known = agents_.find(at);
  if (known == agents_.end())
    return false;
  auto [line, end] = lines_.equal_range(known->second.address);
  line = std::find_if(line, end, [&](auto& x) { return x.second == at; });
  if (line != end)
    lines_.erase(line);
  agents_.erase(known);
  known_ = agents_.size();
  return true;
}

void agent_book::sweep(unix_seconds now) {
  if (now < swept_at_ + sweep_period_s)
    return;
  swept_at_ = now;
  std::vector<key> outdated;
  for (auto& [at, card] : agents_)
    if (is_outdated(card, now))
      outdated.push_back(at);
  for (auto& at : outdated)
    erase(at);
}

bool agent_book::put(uint64_t line, const ip_address& address, ws_agent said) {
  link_agent news{line, address, {}};
  if (tell_)
    append_ws_agent(news.said, said);
  {
    std::unique_lock lock{mutex_};
    sweep(now_());
    auto is_new = !agents_.contains(key{"", line});
    if (!note({"", line}, {address, std::move(said), now_()}))
      return false;
    count_ += is_new ? 1 : 0;
  }
  reports_.fetch_add(1, std::memory_order_relaxed);
  if (tell_)
    tell_(news);
  return true;
}

void agent_book::remove(uint64_t line) {
  if (count() == 0)
    return; // As with most peers that end.
  link_agent news{line, {}, {}};
  {
    std::unique_lock lock{mutex_};
    auto found = agents_.find({"", line});
    if (found == agents_.end())
      return;
    news.client = found->second.address;
    erase({"", line});
    --count_;
  }
  if (tell_)
    tell_(news);
}

void agent_book::hear(std::string node, const link_agent& who, ws_agent said) {
  auto now = now_();
  std::unique_lock lock{mutex_};
  sweep(now);
  key at{node, who.line};
  note(at, {who.client, std::move(said), now, std::move(node), now + far_agent_life_s});
}

void agent_book::lose(const std::string& node, uint64_t line) {
  std::unique_lock lock{mutex_};
  erase({node, line});
}

std::optional<agent_book::place> agent_book::find(const ip_address& address) const {
  if (known() == 0)
    return std::nullopt;
  auto now = now_();
  std::shared_lock lock{mutex_};
  std::optional<place> best;
  auto [at, end] = lines_.equal_range(address);
  for (; at != end; ++at) {
    auto& card = agents_.at(at->second);
    if (is_outdated(card, now))
      continue;
    auto pace = pace_of(card.said.capacity_bytes_per_second);
    if (!best || pace > best->pace)
      best = place{card.said.zone, pace};
  }
  return best;
}

std::vector<agent_card> agent_book::list(size_t max) const {
  auto now = now_();
  std::shared_lock lock{mutex_};
  std::vector<agent_card> all;
  for (auto& [at, card] : agents_)
    if (!is_outdated(card, now))
      all.push_back(card);
  auto longer = [](auto& a, auto& b) { return a.since < b.since; };
  std::stable_sort(all.begin(), all.end(), longer);
  all.resize(std::min(all.size(), max));
  return all;
}

uint64_t agent_book::capacity_bytes_per_second() const {
  std::shared_lock lock{mutex_};
  uint64_t sum = 0;
  for (auto& [at, card] : agents_)
    sum += card.node.empty() ? card.said.capacity_bytes_per_second : 0;
  return sum;
}

} // namespace shoal
