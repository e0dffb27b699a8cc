// SPDX-License-Identifier: Apache-2.0
#include "actors/rate_limiter.hpp"

#include <algorithm>

namespace shoal {

namespace {

int64_t microseconds(mono_time t) {
  return std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count();
}

} // namespace

rate_limiter::rate_limiter(const rate_limiter_config& config)
    : secret_(config.secret),
      token_us_(config.per_second > 0 ? std::max<int64_t>(int64_t(1e6 / config.per_second), 1) : 0),
      capacity_us_(int64_t(std::max(config.burst, 1.0) * double(token_us_))) {}

uint64_t rate_limiter::key_of(const ip_address& client) const {
  // A host of IPv6 has a /64 to itself and could use a new address for each request.
  auto key = keyed_hash(secret_, {client.bytes.data(), client.is_v4() ? size_t{4} : size_t{8}});
  return key == 0 ? 1 : key;
}

size_t rate_limiter::stripe_of(uint64_t key) {
  return key % stripe_count;
}

size_t rate_limiter::set_of(uint64_t key) {
  return (key / stripe_count) % sets_per_stripe * ways;
}

bool rate_limiter::allow(const ip_address& client, mono_time now) {
  if (token_us_ == 0)
    return true;
  auto key = key_of(client);
  auto now_us = microseconds(now);
  auto& s = stripes_[stripe_of(key)];
  std::lock_guard guard(s.mutex);
  if (s.buckets.empty())
    s.buckets.resize(sets_per_stripe * ways);
  auto first = s.buckets.begin() + ptrdiff_t(set_of(key));
  auto last = first + ways;
  auto found = std::find_if(first, last, [&](const bucket& b) { return b.key == key; });
  if (found == last) {
    // A free bucket has never been emptied, so it is the first that is full.
    found = std::min_element(
        first, last, [](const bucket& a, const bucket& b) { return a.full_at < b.full_at; });
    if (found->key == 0)
      ++s.used;
    *found = {key, now_us};
  }
  auto full_at = std::max(found->full_at, now_us) + token_us_;
  if (full_at - now_us > capacity_us_)
    return false;
  found->full_at = full_at;
  return true;
}

uint32_t rate_limiter::retry_after_s(const ip_address& client, mono_time now) const {
  if (token_us_ == 0)
    return 0;
  auto key = key_of(client);
  auto& s = stripes_[stripe_of(key)];
  std::lock_guard guard(s.mutex);
  if (s.buckets.empty())
    return 0;
  auto first = s.buckets.begin() + ptrdiff_t(set_of(key));
  auto found = std::find_if(first, first + ways, [&](const bucket& b) { return b.key == key; });
  if (found == first + ways)
    return 0;
  auto wait_us = found->full_at + token_us_ - capacity_us_ - microseconds(now);
  return wait_us <= 0 ? 0 : uint32_t((wait_us + 999'999) / 1'000'000);
}

size_t rate_limiter::size() const {
  size_t total = 0;
  for (auto& s : stripes_) {
    std::lock_guard guard(s.mutex);
    total += s.used;
  }
  return total;
}

size_t rate_limiter::memory_bytes() const {
  size_t total = sizeof(*this);
  for (auto& s : stripes_) {
    std::lock_guard guard(s.mutex);
    total += s.buckets.capacity() * sizeof(bucket);
  }
  return total;
}

} // namespace shoal
