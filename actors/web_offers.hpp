// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/limits.hpp"
#include "protocol/ws_tracker.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

namespace shoal {

/// Which offer: names alone do not tell offers of several swarms and peers apart.
struct offer_key {
  info_hash swarm;
  peer_id to;   ///< Who was sent it.
  peer_id from; ///< Who made it.
  offer_id id;

  bool operator==(const offer_key&) const = default;
};

/// The offers that one connection was sent and has not answered. Pure: time is a parameter. Takes
/// no memory while there are none. Beyond limits::ws_offers_in_flight_max the oldest is forgotten.
/// @tparam Offerer where the answer goes.
template <class Offerer>
class web_offers {
public:
  /// @param ttl how long an offer may be answered.
  explicit web_offers(std::chrono::seconds ttl) : ttl_{ttl} {}

  /// @param now never before that of an earlier call.
  void add(const offer_key& key, Offerer from, mono_time now) {
    expire(now);
    if (waiting_.size() >= limits::ws_offers_in_flight_max)
      waiting_.erase(waiting_.begin());
    waiting_.push_back({key, std::move(from), now + ttl_});
  }

  /// Forgets the offer, so that it is answered once.
  /// @returns who made it; nothing if there is no such offer (any more).
  std::optional<Offerer> take(const offer_key& key, mono_time now) {
    expire(now);
    auto same = [&](const item& x) { return x.key == key; };
    auto found = std::find_if(waiting_.begin(), waiting_.end(), same);
    if (found == waiting_.end())
      return std::nullopt;
    auto from = std::move(found->from);
    waiting_.erase(found);
    release();
    return from;
  }

  void expire(mono_time now) {
    auto alive = [&](const item& x) { return x.deadline > now; };
    auto first = std::find_if(waiting_.begin(), waiting_.end(), alive);
    if (first == waiting_.begin())
      return;
    waiting_.erase(waiting_.begin(), first);
    release();
  }

  /// Forgets all.
  void clear() { std::vector<item>{}.swap(waiting_); }

  size_t size() const { return waiting_.size(); }

private:
  struct item {
    offer_key key;
    Offerer from;
    mono_time deadline;
  };

  void release() {
    if (waiting_.empty())
      clear();
  }

  std::chrono::seconds ttl_;
  std::vector<item> waiting_; // The oldest first.
};

} // namespace shoal
