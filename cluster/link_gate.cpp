// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_gate.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <utility>

namespace shoal::cluster {

namespace {

constexpr double rate = limits::link_handshakes_per_second_max;
constexpr double shared_rate = limits::link_unknown_handshakes_per_second_max;
constexpr double burst_s = 2; // So much of a rate may come at once.
constexpr std::chrono::seconds sweep_period{1};

} // namespace

ip_address link_gate::key_of(const ip_address& x) {
  auto key = x;
  if (!key.is_v4())
    std::fill(key.bytes.begin() + 8, key.bytes.end(), uint8_t{0});
  return key;
}

void link_gate::refill(visitor& x, double per_second, mono_time now) {
  std::chrono::duration<double> past = now - x.seen;
  x.tokens = std::min(burst_s * per_second, x.tokens + per_second * past.count());
  x.seen = now;
}

void link_gate::expect(const std::set<ip_address>& nodes) {
  auto before = std::exchange(nodes_, {});
  for (auto& one : nodes) {
    auto found = before.find(one);
    nodes_.emplace(one, found == before.end() ? visitor{0, burst_s * rate, {}} : found->second);
  }
}

void link_gate::forget_idle(mono_time now) {
  if (now < swept_ + sweep_period)
    return;
  swept_ = now;
  for (auto at = all_.begin(); at != all_.end();) {
    refill(at->second, rate, now);
    auto idle = at->second.strangers == 0 && at->second.tokens >= burst_s * rate;
    at = idle ? all_.erase(at) : std::next(at);
  }
}

bool link_gate::enter(visitor& x, mono_time now) {
  refill(x, rate, now);
  if (x.tokens < 1 || x.strangers >= limits::link_strangers_per_address_max)
    return false;
  x.tokens -= 1;
  ++x.strangers;
  return true;
}

bool link_gate::admit_unknown(const ip_address& from, mono_time now) {
  refill(shared_, shared_rate, now);
  if (shared_.tokens < 1)
    return false;
  auto key = key_of(from);
  auto found = all_.find(key);
  if (found == all_.end() && all_.size() < limits::link_addresses_max)
    found = all_.emplace(key, visitor{0, burst_s * rate, now}).first;
  if (found == all_.end() || !enter(found->second, now))
    return false;
  shared_.tokens -= 1;
  return true;
}

link_gate::guest link_gate::admit(const ip_address& from, mono_time now) {
  forget_idle(now);
  auto node = nodes_.find(from);
  auto is_node = node != nodes_.end();
  if (is_node ? enter(node->second, now) : admit_unknown(from, now))
    return is_node ? guest::node : guest::unknown;
  ++turned_away_;
  return guest::turned_away;
}

void link_gate::leave(const ip_address& from, guest as) {
  auto& among = as == guest::node ? nodes_ : all_;
  auto found = among.find(as == guest::node ? from : key_of(from));
  if (found != among.end() && found->second.strangers > 0)
    --found->second.strangers;
}

} // namespace shoal::cluster
