// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/identity_map.hpp"
#include "actors/messages/web.hpp"
#include "actors/peer_table.hpp"
#include "core/limits.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

namespace shoal {

inline peer_state state_of(const web_announce& req) {
  if (req.left == 0)
    return peer_state::seeder;
  return req.event == announce_event::paused ? peer_state::partial : peer_state::leecher;
}

/// The peers of one swarm that are connected by WebSocket. Pure: time and randomness are
/// parameters. A *visitor* is a peer id on a line (a connection); a peer is an identity, which may
/// be on several lines, and in the swarm's peer_table as well because it announces over HTTP or UDP
/// too. Whoever is in that table counts there, and not here.
/// @tparam Line a copyable handle of the connection with `->id()`, which is unique.
template <class Line>
class web_peers {
public:
  struct visitor {
    uint64_t identity = 0;
    peer_id id;
    peer_state state = peer_state::leecher;
    Line line;
    coarse_seconds deadline = 0;
  };

  /// A visitor announces itself.
  /// @param deadline when it is forgotten unless it announces again.
  /// @param listed whether the identity is in the swarm's peer_table.
  /// @param changes gets what happened to peers that count here; may be null.
  /// @returns false if there is no room for it.
  bool enter(visitor who, bool listed, std::vector<peer_change>* changes) {
    auto at = find(who.identity, who.line->id());
    if (at == visitors_.size() && visitors_.size() >= limits::ws_peers_per_swarm_max)
      return false;
    auto identity = who.identity;
    auto& known = peers_[identity];
    auto joined = known.lines == 0;
    if (!joined)
      count(known, -1);
    auto before = std::exchange(known.state, who.state);
    known.listed = listed;
    count(known, 1);
    if (at == visitors_.size()) {
      ++known.lines;
      put_in(std::move(who));
    } else if ((visitors_[at].state == peer_state::leecher) != (who.state == peer_state::leecher)) {
      take_out(at);
      put_in(std::move(who));
    } else {
      visitors_[at] = std::move(who);
    }
    if (changes && !listed && (joined || kind_of(before) != kind_of(known.state)))
      changes->push_back({identity, kind_of(known.state)});
    return true;
  }

  /// @returns whether it was there.
  bool leave(uint64_t identity, uint64_t line, std::vector<peer_change>* changes) {
    auto at = find(identity, line);
    if (at == visitors_.size())
      return false;
    drop(at, changes);
    return true;
  }

  /// Forgets visitors whose deadline has passed. @returns how many.
  size_t expire(coarse_seconds now, std::vector<peer_change>* changes) {
    size_t dropped = 0;
    for (auto at = visitors_.size(); at-- > 0;)
      if (now >= visitors_[at].deadline) {
        drop(at, changes);
        ++dropped;
      }
    return dropped;
  }

  /// What happened in the peer_table; whoever left it and is connected has not gone.
  void merge(std::vector<peer_change>& table_changes) {
    for (auto& change : table_changes) {
      auto* known = peers_.find(change.identity);
      if (!known)
        continue;
      count(*known, -1);
      known->listed = change.state != peer_change::to::gone;
      count(*known, 1);
      if (!known->listed)
        change.state = kind_of(known->state);
    }
  }

  /// Calls `f(const visitor&)` with up to `wanted` others at random, each at most once: never the
  /// asker's own peer id or line, and no seeds for whoever needs none.
  /// @param random any 64 random bits.
  template <class F>
  void choose(const visitor& asker, size_t wanted, uint64_t random, F&& f) const {
    auto pool = asker.state == peer_state::leecher ? visitors_.size() : leechers_;
    if (pool == 0)
      return;
    // A walk through all of the pool in an order that differs each time: start and stride are
    // random, and the stride shares no factor with the size.
    auto at = static_cast<size_t>(random % pool);
    auto stride = 1 + static_cast<size_t>((random >> 32) % pool);
    while (std::gcd(stride, pool) != 1)
      ++stride;
    // Whoever has many lines or ids must not make each announce look at all of them.
    auto looks = std::min(pool, wanted * 2 + looks_extra);
    for (size_t found = 0; looks > 0 && found < wanted; --looks, at = (at + stride) % pool) {
      auto& other = visitors_[at];
      if (other.id == asker.id || other.line->id() == asker.line->id())
        continue;
      ++found;
      f(other);
    }
  }

  /// @returns whether this is the first completion of a peer that is here.
  bool complete(uint64_t identity) {
    auto* known = peers_.find(identity);
    return known && !std::exchange(known->completed, true);
  }

  /// Peers that are not in the swarm's peer_table; `completed` is not counted here.
  swarm_counts counts() const {
    return {by_state_[size_t(peer_state::seeder)],
            by_state_[size_t(peer_state::leecher)] + by_state_[size_t(peer_state::partial)],
            by_state_[size_t(peer_state::leecher)], 0};
  }

  size_t visitors() const { return visitors_.size(); }
  bool empty() const { return visitors_.empty(); }

  template <class F>
  void for_each_visitor(F&& f) const {
    for (auto& who : visitors_)
      f(who);
  }

  /// Calls `f(uint64_t identity, peer_state)` once per peer that counts here.
  template <class F>
  void for_each_identity(F&& f) const {
    peers_.for_each([&](uint64_t identity, const peer& p) {
      if (!p.listed)
        f(identity, p.state);
    });
  }

private:
  /// Visitors up to which a scan finds one as fast as an index.
  static constexpr size_t scan_max = 32;
  static constexpr size_t looks_extra = 32;

  struct peer {
    uint32_t lines = 0;
    peer_state state = peer_state::leecher; ///< As it said last, on any line.
    bool listed = false;                    ///< Counts in the peer_table.
    bool completed = false;
  };

  static peer_change::to kind_of(peer_state state) {
    return state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher;
  }

  static uint64_t key_of(uint64_t identity, uint64_t line) { return identity ^ mix_bits(line); }
  static uint64_t key_of(const visitor& who) { return key_of(who.identity, who.line->id()); }

  void count(const peer& p, int by) {
    if (!p.listed)
      by_state_[size_t(p.state)] += static_cast<uint32_t>(by);
  }

  /// @returns its position, or the number of visitors.
  size_t find(uint64_t identity, uint64_t line) const {
    if (visitors_.size() > scan_max) {
      auto* at = index_.find(key_of(identity, line));
      return at ? *at : visitors_.size();
    }
    auto same = [&](const visitor& x) { return x.identity == identity && x.line->id() == line; };
    auto found = std::find_if(visitors_.begin(), visitors_.end(), same);
    return static_cast<size_t>(found - visitors_.begin());
  }

  void drop(size_t at, std::vector<peer_change>* changes) {
    auto identity = visitors_[at].identity;
    take_out(at);
    auto* p = peers_.find(identity);
    if (--p->lines > 0)
      return;
    count(*p, -1);
    if (changes && !p->listed)
      changes->push_back({identity, peer_change::to::gone});
    peers_.erase(identity);
  }

  // Leechers stand first, so that what a seed may be given is one range.

  void put_in(visitor who) {
    visitors_.push_back(std::move(who));
    auto at = visitors_.size() - 1;
    if (visitors_[at].state == peer_state::leecher) {
      std::swap(visitors_[at], visitors_[leechers_]);
      note_place(at);
      at = leechers_++;
    }
    note_place(at);
    if (visitors_.size() == scan_max + 1)
      for (size_t i = 0; i < visitors_.size(); ++i)
        note_place(i);
  }

  void take_out(size_t at) {
    if (visitors_.size() > scan_max)
      index_.erase(key_of(visitors_[at]));
    if (at < leechers_) {
      --leechers_;
      fill(at, leechers_);
      at = leechers_;
    }
    fill(at, visitors_.size() - 1);
    visitors_.pop_back();
    if (visitors_.size() == scan_max)
      index_ = {};
    if (visitors_.empty())
      std::vector<visitor>{}.swap(visitors_);
  }

  void fill(size_t hole, size_t from) {
    if (hole == from)
      return;
    visitors_[hole] = std::move(visitors_[from]);
    note_place(hole);
  }

  void note_place(size_t at) {
    if (visitors_.size() > scan_max)
      index_[key_of(visitors_[at])] = static_cast<uint32_t>(at);
  }

  std::vector<visitor> visitors_; // Leechers, then seeds and partial seeds.
  size_t leechers_ = 0;           // Visitors, not peers.
  identity_map<peer> peers_;
  identity_map<uint32_t> index_; // Positions, if there are more than `scan_max`.
  std::array<uint32_t, 3> by_state_{};
};

} // namespace shoal
