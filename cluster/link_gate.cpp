// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_gate.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal::cluster {

namespace {

constexpr double rate = limits::link_handshakes_per_second_max;
constexpr double burst = 2 * rate;
constexpr std::chrono::seconds sweep_period{1};

} // namespace

ip_address link_gate::key_of(const ip_address& x) {
  auto key = x;
  if (!key.is_v4())
    std::fill(key.bytes.begin() + 8, key.bytes.end(), uint8_t{0});
  return key;
}

void link_gate::refill(visitor& x, mono_time now) {
  std::chrono::duration<double> past = now - x.seen;
  x.tokens = std::min(burst, x.tokens + rate * past.count());
  x.seen = now;
}

void link_gate::forget_idle(mono_time now) {
  if (now < swept_ + sweep_period)
    return;
  swept_ = now;
  for (auto at = all_.begin(); at != all_.end();) {
    refill(at->second, now);
    auto idle = at->second.strangers == 0 && at->second.tokens >= burst;
    at = idle ? all_.erase(at) : std::next(at);
  }
}

bool link_gate::admit(const ip_address& from, mono_time now) {
  forget_idle(now);
  auto key = key_of(from);
  auto found = all_.find(key);
  if (found == all_.end() && all_.size() < limits::link_addresses_max)
    found = all_.emplace(key, visitor{0, burst, now}).first;
  if (found != all_.end()) {
    auto& who = found->second;
    refill(who, now);
    if (who.tokens >= 1 && who.strangers < limits::link_strangers_per_address_max) {
      who.tokens -= 1;
      ++who.strangers;
      return true;
    }
  }
  ++turned_away_;
  return false;
}

void link_gate::leave(const ip_address& from) {
  auto found = all_.find(key_of(from));
  if (found != all_.end() && found->second.strangers > 0)
    --found->second.strangers;
}

} // namespace shoal::cluster
