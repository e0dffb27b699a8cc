// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/clock.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

namespace shoal::udp {

/// A few facts about each of many clients: an IPv4 address or an IPv6 /64. Thread-safe. Memory is
/// fixed at limits::udp_offenders_max facts: they live in sets of eight, where a new client takes
/// the place of the one whose facts end first.
/// @tparam Fact has a default constructor and `mono_time until`, when it means nothing any more.
template <class Fact>
class address_table {
public:
  explicit address_table(const hash_key& secret) : secret_{secret} {}

  /// Calls `f(Fact&)` with the client's fact, which is new if there is none that still means
  /// something. @returns what `f` returns.
  template <class F>
  auto change(const ip_address& client, mono_time now, F f) {
    auto key = key_of(client);
    auto& s = stripes_[key % stripe_count];
    std::lock_guard guard{s.mutex};
    if (s.places.empty())
      s.places.resize(sets_per_stripe * ways);
    auto first = s.places.begin() + static_cast<ptrdiff_t>(set_of(key));
    auto found = std::find_if(first, first + ways, [&](const place& p) { return p.key == key; });
    if (found == first + ways)
      found = std::min_element(first, first + ways, [](const place& a, const place& b) {
        return a.fact.until < b.fact.until;
      });
    if (found->key != key || found->fact.until <= now)
      *found = {key, {}};
    return f(found->fact);
  }

  /// @returns the client's fact, one made by default if there is none that still means something.
  Fact find(const ip_address& client, mono_time now) const {
    auto key = key_of(client);
    auto& s = stripes_[key % stripe_count];
    std::lock_guard guard{s.mutex};
    if (s.places.empty())
      return {};
    auto first = s.places.begin() + static_cast<ptrdiff_t>(set_of(key));
    auto found = std::find_if(first, first + ways, [&](const place& p) { return p.key == key; });
    return found == first + ways || found->fact.until <= now ? Fact{} : found->fact;
  }

  /// How many facts still mean something and are as `pred(const Fact&)` wants, for metrics.
  template <class Pred>
  size_t count(mono_time now, Pred pred) const {
    size_t sum = 0;
    for (auto& s : stripes_) {
      std::lock_guard guard{s.mutex};
      sum += static_cast<size_t>(
          std::count_if(s.places.begin(), s.places.end(), [&](const place& p) {
            return p.key != 0 && p.fact.until > now && pred(p.fact);
          }));
    }
    return sum;
  }

private:
  static constexpr size_t stripe_count = 64;
  static constexpr size_t ways = 8;
  static constexpr size_t sets_per_stripe = limits::udp_offenders_max / stripe_count / ways;

  struct place {
    uint64_t key = 0; // Keyed hash of the client; 0 is free.
    Fact fact;
  };
  struct alignas(64) stripe {
    mutable std::mutex mutex;
    std::vector<place> places; // Made at the first use.
  };

  uint64_t key_of(const ip_address& client) const {
    auto key = keyed_hash(secret_, {client.bytes.data(), client.is_v4() ? size_t{4} : size_t{8}});
    return key == 0 ? 1 : key;
  }

  static size_t set_of(uint64_t key) { return (key / stripe_count) % sets_per_stripe * ways; }

  hash_key secret_;
  std::array<stripe, stripe_count> stripes_;
};

} // namespace shoal::udp
