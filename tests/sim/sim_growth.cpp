// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_growth.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

class growing final : public node_observer {
public:
  explicit growing(size_t nodes) {
    for (size_t i = 0; i < nodes; ++i)
      add();
  }

  growth run() {
    growth g;
    g.start = until([this] { return settled(); });
    add();
    g.join = until([this] { return settled(); });
    auto& leaver = *nodes_.front();
    leaver.leave(600s, false);
    longest_ = {};
    g.leave = until([&] { return !leaver.is_leaving(); });
    gone_ = &leaver;
    g.leave_unowned = longest_;
    until([this] { return settled(); });
    auto& victim = *nodes_.back();
    victim.crash();
    g.kill = until([this] { return owned() == slot_count; });
    gone_too_ = &victim;
    g.kill_settled = g.kill + until([this] { return settled(); });
    return g;
  }

private:
  void add() {
    cluster::membership_config config;
    config.self.id = "node-" + std::to_string(nodes_.size());
    config.self.zone = "zone-" + std::to_string(nodes_.size() % 3);
    nodes_.push_back(std::make_unique<sim_node>(etcd_, config, node_clock{}, *this));
    nodes_.back()->start();
  }

  template <class Condition>
  duration until(Condition is_so) {
    auto begin = time_.now();
    while (!is_so() && time_.now() < begin + 3600s) {
      time_.run_for(20ms);
      look();
    }
    return time_.now() - begin;
  }

  size_t owned() const {
    size_t count = 0;
    for (size_t s = 0; s < slot_count; ++s)
      count += is_owned(s);
    return count;
  }

  bool is_owned(size_t slot) const {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [&](const auto& n) { return n->owns(slot).has_value(); });
  }

  void look() {
    for (size_t s = 0; s < slot_count; ++s) {
      gap_[s] = is_owned(s) ? duration{0} : gap_[s] + 20ms;
      longest_ = std::max(longest_, gap_[s]);
    }
  }

  /// All see the same etcd, so one node's word is enough; who is there has to see everybody.
  bool settled() const {
    size_t there = 0;
    for (const auto& n : nodes_)
      there += n.get() != gone_ && n.get() != gone_too_;
    for (const auto& n : nodes_) {
      auto* m = n->members();
      if (n.get() != gone_ && n.get() != gone_too_
          && (!m || !m->joined() || m->nodes().all().size() != there || m->misplaced() > 0))
        return false;
    }
    return true;
  }

  void acquired(const std::string&, size_t, uint64_t) override {}
  void lost(const std::string&, size_t, uint64_t) override {}
  void warmed(size_t, uint64_t) override {}
  void failed(const std::string&, const error&) override {}

  timeline time_{1};
  etcd_model etcd_{time_, {}};
  std::vector<std::unique_ptr<sim_node>> nodes_;
  std::array<duration, slot_count> gap_{};
  duration longest_{0};
  const sim_node* gone_ = nullptr;
  const sim_node* gone_too_ = nullptr;
};

} // namespace

growth measure_growth(size_t nodes) {
  return growing(nodes).run();
}

} // namespace shoal::sim
