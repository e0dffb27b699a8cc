// SPDX-License-Identifier: Apache-2.0
#include "http/download_pacer.hpp"

#include "actors/keyed_hash.hpp"
#include "core/byte_debt.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

using byte_debt::cost_ns;
using byte_debt::nanoseconds;
using byte_debt::second_ns;
using byte_debt::take;

constexpr int64_t day_ns = 86'400 * second_ns;
constexpr int64_t slack_ns = std::chrono::nanoseconds{download_pacer::slack}.count();

/// A portion is what goes in a fiftieth of a second, within these bounds.
constexpr uint64_t portion_bytes_min = 4 * 1024;
constexpr uint64_t portion_bytes_max = 1024 * 1024;

uint32_t seconds_up(int64_t ns) {
  return static_cast<uint32_t>((ns + second_ns - 1) / second_ns);
}

} // namespace

download_pacer::download_pacer(const pacer_config& config) : config_{config} {}

uint64_t download_pacer::key_of(uint64_t who) {
  auto key = mix_bits(who);
  return key == 0 ? 1 : key;
}

const download_pacer::bucket* download_pacer::find(const stripe& s, uint64_t key) {
  if (s.buckets.empty())
    return nullptr;
  auto first = s.buckets.begin() + ptrdiff_t(key / stripe_count % sets_per_stripe * ways);
  auto found = std::find_if(first, first + ways, [&](auto& b) { return b.key == key; });
  return found == first + ways ? nullptr : &*found;
}

download_pacer::bucket& download_pacer::place(stripe& s, uint64_t key, int64_t now) {
  if (s.buckets.empty())
    s.buckets.resize(sets_per_stripe * ways);
  if (auto* known = find(s, key))
    return const_cast<bucket&>(*known);
  auto owes = [](const bucket& b) { return std::max(b.rate_due, b.quota_due); };
  auto first = s.buckets.begin() + ptrdiff_t(key / stripe_count % sets_per_stripe * ways);
  auto least
      = std::min_element(first, first + ways, [&](auto& a, auto& b) { return owes(a) < owes(b); });
  if (least->key == 0)
    ++s.used;
  *least = {key, now - slack_ns, now};
  return *least;
}

uint32_t download_pacer::refusal_s(uint64_t who, mono_time now) const {
  auto now_ns = nanoseconds(now);
  auto key = key_of(who);
  if (config_.each_bytes_per_day > 0) {
    auto& s = stripes_[key % stripe_count];
    std::lock_guard guard{s.mutex};
    auto* known = find(s, key);
    // Whoever has used up the day begins again when a byte of it is back.
    if (auto late = known ? known->quota_due - now_ns - day_ns : 0; late > 0)
      return seconds_up(late);
  }
  std::lock_guard guard{mutex_};
  auto late = all_quota_due_ - now_ns - day_ns;
  if (config_.all_bytes_per_day > 0 && late > 0)
    return seconds_up(late);
  auto waits = all_due_ - now_ns;
  auto most = std::chrono::nanoseconds{backlog_max}.count();
  return config_.all_bytes_per_second > 0 && waits > most ? seconds_up(waits - most) : 0;
}

uint64_t download_pacer::portion(uint64_t bytes) const {
  auto rate = std::max(config_.all_bytes_per_second, config_.each_bytes_per_second);
  for (auto limit : {config_.all_bytes_per_second, config_.each_bytes_per_second})
    if (limit > 0)
      rate = std::min(rate, limit);
  auto fair
      = rate == 0 ? portion_bytes_max : std::clamp(rate / 50, portion_bytes_min, portion_bytes_max);
  return std::min(bytes, fair);
}

int64_t download_pacer::book(uint64_t who, uint64_t bytes, int64_t now) {
  if (auto quota = config_.all_bytes_per_day; quota > 0) {
    std::lock_guard guard{mutex_};
    take(all_quota_due_, now, cost_ns(bytes, quota, day_ns), 0);
  }
  auto key = key_of(who);
  auto& s = stripes_[key % stripe_count];
  std::lock_guard guard{s.mutex};
  auto& mine = place(s, key, now);
  if (auto quota = config_.each_bytes_per_day; quota > 0)
    take(mine.quota_due, now, cost_ns(bytes, quota, day_ns), 0);
  auto rate = config_.each_bytes_per_second;
  return rate > 0 ? take(mine.rate_due, now, cost_ns(bytes, rate, second_ns), slack_ns) : 0;
}

download_pacer::duration download_pacer::reserve(uint64_t who, uint64_t bytes, mono_time now) {
  if (tell_)
    tell_(who, bytes);
  auto now_ns = nanoseconds(now);
  auto wait = book(who, bytes, now_ns);
  if (auto rate = config_.all_bytes_per_second; rate > 0) {
    std::lock_guard guard{mutex_};
    wait = std::max(wait, take(all_due_, now_ns, cost_ns(bytes, rate, second_ns), slack_ns));
  }
  return duration{wait};
}

void download_pacer::charge(uint64_t who, uint64_t bytes, mono_time now) {
  elsewhere_.fetch_add(bytes, std::memory_order_relaxed);
  book(who, bytes, nanoseconds(now));
}

size_t download_pacer::principals() const {
  size_t total = 0;
  for (auto& s : stripes_) {
    std::lock_guard guard{s.mutex};
    total += s.used;
  }
  return total;
}

} // namespace shoal::http
