// SPDX-License-Identifier: Apache-2.0
#include "cluster/placement.hpp"

#include "cluster/rendezvous.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <string_view>

namespace shoal::cluster {

namespace {

__extension__ typedef unsigned __int128 uint128;

/// A node for a slot. Higher scores win.
struct offer {
  double score;  // The bound of it, at first.
  uint32_t node; // Its index.
  bool is_exact;
};

/// The best offer that a slot has left.
struct turn {
  double score;
  bool is_exact;
  uint32_t slot;

  /// A bound comes before a score that it may exceed.
  bool operator<(const turn& other) const {
    if (score != other.score)
      return score < other.score;
    return is_exact != other.is_exact ? is_exact : slot > other.slot;
  }
};

/// Each slot has a heap of its offers, so that those that decide nothing are neither sorted nor
/// have their scores computed.
class matching {
public:
  matching(const std::vector<candidate>& nodes, const placement_config& config)
      : nodes_{nodes}, config_{config}, places_(config.slots), load_(nodes.size(), 0),
        room_(nodes.size(), 0), zone_(nodes.size(), 0), seeds_(nodes.size(), 0) {
    std::map<std::string_view, uint32_t> zones;
    for (uint32_t n = 0; n < nodes.size(); ++n) {
      if (nodes[n].draining || nodes[n].weight == 0)
        continue;
      auto next = static_cast<uint32_t>(zones.size());
      zone_[n] = zones.try_emplace(nodes[n].zone, next).first->second;
      seeds_[n] = node_seed(nodes[n].id);
      takers_.push_back(n);
      weight_ += nodes[n].weight;
    }
    zones_ = zones.size();
    make_offers();
  }

  std::vector<slot_place> run() {
    if (!takers_.empty())
      match(&slot_place::owner, config_.slots);
    if (takers_.size() > 1)
      match(&slot_place::standby, 2 * config_.slots);
    return std::move(places_);
  }

private:
  using offers = std::vector<offer>::iterator;

  void make_offers() {
    offers_.reserve(takers_.size() * config_.slots);
    for (uint32_t s = 0; s < config_.slots; ++s)
      for (auto n : takers_)
        offers_.push_back({rendezvous_bound(nodes_[n].weight, seeds_[n], s), n, false});
  }

  offers offers_of(uint32_t slot) {
    return offers_.begin() + static_cast<std::ptrdiff_t>(slot * takers_.size());
  }

  bool is_worse(const offer& a, const offer& b) const {
    if (a.score != b.score)
      return a.score < b.score;
    return a.is_exact != b.is_exact ? a.is_exact : nodes_[a.node].id > nodes_[b.node].id;
  }
  auto worse() const {
    return [this](const offer& a, const offer& b) { return is_worse(a, b); };
  }

  /// The slots of its share and some more, rounded up: so there is room for all slots.
  /// @param percent of the fair share.
  size_t room(uint32_t node, size_t wanted, uint64_t percent) const {
    if (config_.room_percent == placement_config::unbounded)
      return wanted;
    auto whole = uint128{100} * weight_;
    return static_cast<size_t>((uint128{wanted} * nodes_[node].weight * percent + whole - 1)
                               / whole);
  }

  bool has_room(uint32_t node) const { return load_[node] < room_[node]; }

  bool may_stand_by(uint32_t slot, uint32_t node) const {
    auto owner = places_[slot].owner;
    return owner != node && (zones_ < 2 || zone_[owner] != zone_[node]);
  }

  /// @param wanted places of both roles so far, all slots together.
  void match(size_t slot_place::*role, size_t wanted) {
    std::vector<uint32_t> open(config_.slots);
    std::iota(open.begin(), open.end(), 0u);
    // Those that count are in front.
    std::vector<std::ptrdiff_t> count(config_.slots);
    for (auto s : open) {
      auto first = offers_of(s);
      auto last = first + static_cast<std::ptrdiff_t>(takers_.size());
      if (role == &slot_place::standby)
        last = std::partition(first, last, [&](auto& x) { return may_stand_by(s, x.node); });
      count[s] = last - first;
    }
    uint64_t percent = 100 + uint64_t{config_.room_percent};
    // Zones can leave too little room on the right side: then there is more of it.
    for (; !open.empty(); percent += percent / 4) {
      for (auto n : takers_)
        room_[n] = room(n, wanted, percent);
      fill(role, open, count);
      std::erase_if(open, [&](uint32_t s) { return places_[s].*role != no_node; });
    }
  }

  /// Places slots until nobody has room for the rest.
  void fill(size_t slot_place::*role, const std::vector<uint32_t>& open,
            std::vector<std::ptrdiff_t> count) {
    std::priority_queue<turn> turns;
    for (auto s : open) {
      auto first = offers_of(s);
      std::make_heap(first, first + count[s], worse());
      turns.push({first->score, first->is_exact, s});
    }
    while (!turns.empty()) {
      auto slot = turns.top().slot;
      turns.pop();
      auto& best = *offers_of(slot);
      if (best.is_exact && has_room(best.node)) {
        places_[slot].*role = best.node;
        ++load_[best.node];
      } else if (see_next(slot, count[slot])) {
        turns.push({best.score, best.is_exact, slot});
      }
    }
  }

  /// Has the best offer of a slot exact, or another in its place if its node is full.
  /// @param count of the offers, which falls. @returns whether there is one.
  bool see_next(uint32_t slot, std::ptrdiff_t& count) {
    auto first = offers_of(slot);
    if (has_room(first->node)) {
      std::pop_heap(first, first + count, worse());
      auto& best = first[count - 1];
      best.score = rendezvous_score(nodes_[best.node].weight, seeds_[best.node], slot);
      best.is_exact = true;
      std::push_heap(first, first + count, worse());
    }
    for (; count > 0 && !has_room(first->node); --count)
      std::pop_heap(first, first + count, worse());
    return count > 0;
  }

  const std::vector<candidate>& nodes_;
  const placement_config& config_;
  std::vector<slot_place> places_;
  std::vector<size_t> load_; // Owned and stood by for.
  std::vector<size_t> room_;
  std::vector<uint32_t> zone_;
  std::vector<uint64_t> seeds_;
  std::vector<uint32_t> takers_;
  std::vector<offer> offers_; // All of one slot, then those of the next.
  size_t zones_ = 0;
  uint64_t weight_ = 0;
};

} // namespace

std::vector<slot_place> place(const std::vector<candidate>& nodes, const placement_config& config) {
  return matching(nodes, config).run();
}

} // namespace shoal::cluster
