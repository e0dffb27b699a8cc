// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.placement_reference

#include "cluster/placement.hpp"
#include "cluster/rendezvous.hpp"
#include "tests/sim/timeline.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <tuple>

using namespace shoal;
using namespace shoal::cluster;

namespace {

struct bid {
  double score;
  size_t slot;
  size_t node;
};

/// What `place` promises, word by word: all pairs in the order of their scores.
class plain_matching {
public:
  plain_matching(const std::vector<candidate>& nodes, const placement_config& config)
      : nodes_{nodes}, config_{config}, places_(config.slots), load_(nodes.size(), 0) {
    for (size_t n = 0; n < nodes.size(); ++n) {
      if (nodes[n].draining || nodes[n].weight == 0)
        continue;
      weight_ += nodes[n].weight;
      zones_.push_back(nodes[n].zone);
      for (size_t s = 0; s < config.slots; ++s)
        bids_.push_back({rendezvous_score(nodes[n].weight, node_seed(nodes[n].id), s), s, n});
    }
    std::sort(bids_.begin(), bids_.end(), [&](const bid& a, const bid& b) {
      return std::tie(b.score, a.slot, nodes[a.node].id)
             < std::tie(a.score, b.slot, nodes[b.node].id);
    });
    std::sort(zones_.begin(), zones_.end());
    zones_.erase(std::unique(zones_.begin(), zones_.end()), zones_.end());
  }

  std::vector<slot_place> run() {
    match(&slot_place::owner, config_.slots, [](const bid&) { return true; });
    match(&slot_place::standby, 2 * config_.slots, [this](const bid& b) {
      auto owner = places_[b.slot].owner;
      return owner != b.node && (zones_.size() < 2 || nodes_[owner].zone != nodes_[b.node].zone);
    });
    return places_;
  }

private:
  bool has_room(size_t node, size_t wanted, uint64_t percent) const {
    if (config_.room_percent == placement_config::unbounded)
      return true;
    return load_[node] * 100 * weight_ < wanted * nodes_[node].weight * percent;
  }

  template <class Filter>
  void match(size_t slot_place::*role, size_t wanted, Filter may) {
    std::vector<bid> bids;
    std::copy_if(bids_.begin(), bids_.end(), std::back_inserter(bids), may);
    uint64_t percent = 100 + uint64_t{config_.room_percent};
    for (; !bids.empty(); percent += percent / 4) {
      for (const auto& b : bids)
        if (places_[b.slot].*role == no_node && has_room(b.node, wanted, percent)) {
          places_[b.slot].*role = b.node;
          ++load_[b.node];
        }
      std::erase_if(bids, [&](const bid& b) { return places_[b.slot].*role != no_node; });
    }
  }

  const std::vector<candidate>& nodes_;
  const placement_config& config_;
  std::vector<slot_place> places_;
  std::vector<size_t> load_;
  std::vector<std::string> zones_;
  std::vector<bid> bids_;
  uint64_t weight_ = 0;
};

std::vector<candidate> some_nodes(sim::dice& random, size_t count) {
  auto zones = 1 + random.below(5);
  auto weight_max = random.chance(500) ? 1 : 1 + random.below(1000);
  std::vector<candidate> nodes;
  for (size_t i = 0; i < count; ++i) {
    auto zone = std::min(random.below(zones), random.below(zones)); // Some have few nodes.
    nodes.push_back({std::to_string(random.below(1000)) + "-" + std::to_string(i),
                     static_cast<uint32_t>(random.below(weight_max + 1)),
                     "zone-" + std::to_string(zone), random.chance(100)});
  }
  return nodes;
}

void check(const std::vector<candidate>& nodes, const placement_config& config) {
  CAF_CHECK(place(nodes, config) == plain_matching(nodes, config).run());
}

constexpr uint32_t rooms[] = {0, 10, 25, 300, placement_config::unbounded};

} // namespace

CAF_TEST(places are those of all pairs in the order of their scores) {
  sim::dice random{1};
  for (int run = 0; run < 300; ++run)
    check(some_nodes(random, random.below(40)),
          {1 + random.below(slot_count), rooms[random.below(std::size(rooms))]});
}

CAF_TEST(so they are in a cluster with more nodes than slots) {
  sim::dice random{2};
  for (auto room : rooms)
    check(some_nodes(random, 300), {slot_count, room});
  check(some_nodes(random, 1000), {});
}

CAF_TEST(a bound is never below its score and mostly close) {
  sim::dice random{3};
  size_t close = 0;
  constexpr size_t draws = 100'000;
  for (size_t i = 0; i < draws; ++i) {
    auto weight = static_cast<uint32_t>(random.next() >> (32 + random.below(32)));
    auto seed = random.next();
    auto score = rendezvous_score(weight, seed, i);
    auto bound = rendezvous_bound(weight, seed, i);
    if (bound < score)
      CAF_FAIL("weight " << weight << " seed " << seed << " thing " << i);
    close += bound <= score * 1.01;
  }
  CAF_CHECK(close > draws * 9 / 10);
}
