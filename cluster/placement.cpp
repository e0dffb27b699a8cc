// SPDX-License-Identifier: Apache-2.0
#include "cluster/placement.hpp"

#include "cluster/rendezvous.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace shoal::cluster {

namespace {

__extension__ typedef unsigned __int128 uint128;

/// A pair of slot and node. Higher scores win.
struct bid {
  double score;
  uint32_t slot;
  uint32_t node;
};

class matching {
public:
  matching(const std::vector<candidate>& nodes, const placement_config& config)
      : nodes_{nodes}, config_{config}, places_(config.slots), load_(nodes.size(), 0) {
    std::map<std::string_view, uint32_t> zones;
    for (const auto& n : nodes) {
      if (!takes(n)) {
        zone_.push_back(0);
        continue;
      }
      zone_.push_back(zones.try_emplace(n.zone, static_cast<uint32_t>(zones.size())).first->second);
      weight_ += n.weight;
    }
    zones_ = zones.size();
    make_bids();
  }

  std::vector<slot_place> run() {
    if (weight_ > 0) {
      match(&slot_place::owner, config_.slots);
      match(&slot_place::standby, 2 * config_.slots);
    }
    return std::move(places_);
  }

private:
  static bool takes(const candidate& n) { return !n.draining && n.weight > 0; }

  void make_bids() {
    bids_.reserve(nodes_.size() * config_.slots);
    for (uint32_t n = 0; n < nodes_.size(); ++n) {
      if (!takes(nodes_[n]))
        continue;
      auto seed = node_seed(nodes_[n].id);
      for (uint32_t s = 0; s < config_.slots; ++s)
        bids_.push_back({rendezvous_score(nodes_[n].weight, seed, s), s, n});
    }
    std::sort(bids_.begin(), bids_.end(), [this](const bid& a, const bid& b) {
      if (a.score != b.score)
        return a.score > b.score;
      return a.slot != b.slot ? a.slot < b.slot : nodes_[a.node].id < nodes_[b.node].id;
    });
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

  bool may_stand_by(const bid& b) const {
    auto owner = places_[b.slot].owner;
    return owner != b.node && (zones_ < 2 || zone_[owner] != zone_[b.node]);
  }

  /// @param wanted places of both roles so far, all slots together.
  void match(size_t slot_place::*role, size_t wanted) {
    auto bids = bids_;
    if (role == &slot_place::standby)
      std::erase_if(bids, [this](const bid& b) { return !may_stand_by(b); });
    uint64_t percent = 100 + uint64_t{config_.room_percent};
    // Zones can leave too little room on the right side: then there is more of it.
    for (auto open = config_.slots; open > 0 && !bids.empty(); percent += percent / 4) {
      for (const auto& b : bids) {
        auto& place = places_[b.slot].*role;
        if (place != no_node || load_[b.node] >= room(b.node, wanted, percent))
          continue;
        place = b.node;
        ++load_[b.node];
        --open;
      }
      std::erase_if(bids, [&](const bid& b) { return places_[b.slot].*role != no_node; });
    }
  }

  const std::vector<candidate>& nodes_;
  const placement_config& config_;
  std::vector<slot_place> places_;
  std::vector<size_t> load_; // Owned and stood by for.
  std::vector<uint32_t> zone_;
  std::vector<bid> bids_;
  size_t zones_ = 0;
  uint64_t weight_ = 0;
};

} // namespace

std::vector<slot_place> place(const std::vector<candidate>& nodes, const placement_config& config) {
  return matching(nodes, config).run();
}

} // namespace shoal::cluster
