// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_growth.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

constexpr size_t growth_zones = 3;

cluster::membership_config growing_node(size_t number) {
  cluster::membership_config config;
  config.self.id = "node-" + std::to_string(number);
  config.self.zone = "zone-" + std::to_string(number % growth_zones);
  return config;
}

class growing final : public node_observer {
public:
  explicit growing(size_t nodes) {
    for (size_t i = 0; i < nodes; ++i)
      add(i);
  }

  growth run() {
    growth g;
    g.start_owned = until([this] { return is_all_owned(); });
    g.start = g.start_owned + settle();
    add(number_of_newcomer());
    g.join = settle();
    auto& leaver = busiest();
    leaver.leave(600s, false);
    longest_ = {};
    g.leave = until([&] { return !leaver.is_running(); });
    g.leave_unowned = longest_;
    g.leave_settled = g.leave + settle();
    busiest().crash();
    look();
    g.kill = until([this] { return is_all_owned(); });
    g.kill_settled = g.kill + settle();
    g.zones_shared = zones_shared_;
    return g;
  }

private:
  void add(size_t number) {
    nodes_.push_back(std::make_unique<sim_node>(etcd_, growing_node(number), node_clock{}, *this));
    nodes_.back()->start();
  }

  /// With more nodes than slots most newcomers would take nothing.
  size_t number_of_newcomer() const {
    auto all = nodes_.front()->members()->nodes().candidates();
    for (auto number = nodes_.size();; ++number) {
      auto self = growing_node(number).self;
      all.push_back({self.id, self.weight, self.zone, false});
      auto places = cluster::place(all);
      if (std::any_of(places.begin(), places.end(),
                      [&](const auto& p) { return p.owner == all.size() - 1; }))
        return number;
      all.pop_back();
    }
  }

  /// Who owns most slots.
  sim_node& busiest() {
    auto owned = [](const auto& n) {
      size_t count = 0;
      for (size_t s = 0; s < slot_count; ++s)
        count += n->owns(s).has_value();
      return count;
    };
    return **std::max_element(nodes_.begin(), nodes_.end(),
                              [&](const auto& a, const auto& b) { return owned(a) < owned(b); });
  }

  template <class Condition>
  duration until(Condition is_so) {
    auto begin = time_.now();
    while (!is_so() && time_.now() < begin + growth_patience) {
      time_.run_for(20ms);
      look();
    }
    return time_.now() - begin;
  }

  duration settle() {
    auto took = until([this] { return settled(); });
    zones_shared_ += count_zones_shared();
    return took;
  }

  /// As of the last look.
  bool is_all_owned() const {
    return std::all_of(owners_.begin(), owners_.end(), [](auto* n) { return n != nullptr; });
  }

  /// Mostly it is still who it was.
  const sim_node* owner_of(size_t slot) const {
    if (owners_[slot] && owners_[slot]->owns(slot))
      return owners_[slot];
    auto found = std::find_if(nodes_.begin(), nodes_.end(),
                              [&](const auto& n) { return n->owns(slot).has_value(); });
    return found == nodes_.end() ? nullptr : found->get();
  }

  void look() {
    for (size_t s = 0; s < slot_count; ++s) {
      owners_[s] = owner_of(s);
      gap_[s] = owners_[s] ? duration{0} : gap_[s] + 20ms;
      longest_ = std::max(longest_, gap_[s]);
    }
  }

  bool settled() const {
    auto there = static_cast<size_t>(
        std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->is_running(); }));
    return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      auto* m = n->members();
      return !m || (m->joined() && m->nodes().all().size() == there && m->misplaced() == 0);
    });
  }

  size_t count_zones_shared() const {
    auto running
        = std::find_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->is_running(); });
    const auto& view = *(*running)->members();
    size_t count = 0;
    for (size_t s = 0; s < slot_count; ++s) {
      auto* owner = view.nodes().find(view.holders(s).owner.by.node);
      auto* standby = view.nodes().find(view.holders(s).standby.by.node);
      count += !owner || !standby || owner->record.zone == standby->record.zone;
    }
    return count;
  }

  void acquired(const std::string&, size_t, uint64_t) override {}
  void lost(const std::string&, size_t, uint64_t) override {}
  void warmed(size_t, uint64_t) override {}
  void failed(const std::string&, const error&) override {}

  timeline time_{1};
  etcd_model etcd_{time_, {}};
  std::vector<std::unique_ptr<sim_node>> nodes_;
  std::array<const sim_node*, slot_count> owners_{};
  std::array<duration, slot_count> gap_{};
  duration longest_{0};
  size_t zones_shared_ = 0;
};

} // namespace

growth measure_growth(size_t nodes) {
  return growing(nodes).run();
}

} // namespace shoal::sim
