// SPDX-License-Identifier: Apache-2.0
// Clients, and what goes wrong between nodes. What must hold: sim_traffic_checks.cpp.
#include "tests/sim/sim_traffic.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

traffic_tally& traffic_tally::operator+=(const traffic_tally& x) {
  for (auto field : {&traffic_tally::announces, &traffic_tally::empty, &traffic_tally::hung_up,
                     &traffic_tally::peers, &traffic_tally::fresh, &traffic_tally::bare,
                     &traffic_tally::stranded, &traffic_tally::dropped, &traffic_tally::ghosts,
                     &traffic_tally::questions, &traffic_tally::in_vain})
    this->*field += x.*field;
  return *this;
}

sim_traffic::sim_traffic(timeline& time, const etcd_state& etcd, const sim_ledger& ledger,
                         size_t slots, bool strict, cluster::traffic_flaw broken, complaint wrong,
                         scribe note)
    : time_{time}, etcd_{etcd}, strict_{strict}, wrong_{std::move(wrong)}, note_{std::move(note)},
      world_{time, slots}, clients_{time, slots,
                                    [this](sim_client& who, const announce_reply* reply,
                                           duration took) { heard(who, reply, took); }},
      customers_{time, ledger, slots, wrong_,
                 [this](const std::string& node, size_t slot) { return must_know(node, slot); }},
      moved_at_(slots, time.now()), owners_began_(slots) {
  world_.broken = broken;
}

sim_traffic::~sim_traffic() = default;

std::function<std::unique_ptr<node_service>(sim_node&)> sim_traffic::service() {
  return [this](sim_node& node) {
    auto made = std::make_unique<sim_tracker>(world_, node, clients_);
    nodes_.insert(node.id());
    trackers_[node.id()] = made.get();
    made->on_end = [this](sim_tracker& which, bool in_order) { ended(which, in_order); };
    made->on_drop = [this](sim_tracker& which, size_t slot) { dropped(which, slot); };
    return made;
  };
}

sim_tracker* sim_traffic::find(const std::string& node) const {
  auto found = trackers_.find(node);
  return found == trackers_.end() ? nullptr : found->second;
}

std::vector<sim_tracker*> sim_traffic::running() const {
  std::vector<sim_tracker*> all;
  for (auto& [name, tracker] : trackers_)
    if (!tracker->node().is_leaving())
      all.push_back(tracker);
  return all;
}

sim_traffic::role sim_traffic::role_of(size_t slot, bool standby) const {
  auto held = etcd_.find(standby ? keys_.standby(slot) : keys_.owner(slot));
  if (!held)
    return {};
  auto space = held->value.find(' ');
  role x{held->value.substr(0, space), nullptr, held->mod_revision};
  auto* process = find(x.node);
  if (process && std::to_string(process->node().incarnation()) == held->value.substr(space + 1))
    x.process = process;
  return x;
}

void sim_traffic::moved(size_t slot, bool owner) {
  moved_at_[slot] = time_.now();
  if (owner)
    owners_began_[slot].push_back(time_.now());
}

// -- clients ----------------------------------------------------------------------------

void sim_traffic::begin(mono_time until) {
  until_ = until;
  time_.after(time_.random.between(4s, 8s), [this] { act(); });
  watch_waiting();
}

void sim_traffic::act() {
  if (time_.now() > until_)
    return;
  if (auto at = running(); !at.empty()) {
    clients_.act(*at[time_.random.below(at.size())]);
    if (time_.random.chance(500))
      customers_.act(*at[time_.random.below(at.size())]);
  }
  time_.after(time_.random.between(5ms, 120ms), [this] { act(); });
}

traffic_tally sim_traffic::tally() const {
  auto all = tally_;
  all.questions = customers_.questions();
  all.in_vain = customers_.in_vain();
  return all;
}

void sim_traffic::announce_again() {
  clients_.act_all(running());
}

// -- what goes wrong between nodes --------------------------------------------------------

bool sim_traffic::is_linked(const std::string& a, const std::string& b, duration since) const {
  auto both = std::minmax(a, b);
  auto now = troubles_.find(both);
  auto before = trouble_at_.find(both);
  return (now == troubles_.end() || now->second == 0)
         && (before == trouble_at_.end() || time_.now() - before->second >= since);
}

void sim_traffic::trouble(const std::string& a, const std::string& b, duration span,
                          std::function<void()> end) {
  pair both = std::minmax(a, b);
  ++troubles_[both];
  trouble_at_[both] = time_.now();
  time_.after(span, [this, both, end = std::move(end)] {
    end();
    --troubles_[both];
    trouble_at_[both] = time_.now();
  });
}

void sim_traffic::block(const std::string& from, const std::string& to, duration span) {
  world_.net.block(from, to, true);
  trouble(from, to, span, [this, from, to] { world_.net.block(from, to, false); });
}

void sim_traffic::cut_off(const std::string& node, duration span) {
  for (auto& other : nodes_)
    if (other != node) {
      block(node, other, span);
      block(other, node, span);
    }
}

std::string sim_traffic::disturb() {
  auto& random = time_.random;
  std::vector<std::string> names{nodes_.begin(), nodes_.end()};
  if (names.size() < 2)
    return "nothing";
  auto first = random.below(names.size());
  auto& a = names[first];
  auto& b = names[(first + 1 + random.below(names.size() - 1)) % names.size()];
  auto span = random.between(100ms, 10s);
  switch (random.below(8)) {
  case 0:
  case 1:
    block(a, b, span);
    block(b, a, span);
    return "link blocked both ways";
  case 2:
  case 3:
    block(a, b, span);
    return "link blocked one way";
  case 4:
    world_.net.cut(a, b, false);
    trouble(a, b, 0s, [] {});
    return "link breaks";
  case 5:
    world_.net.cut(a, b, true);
    trouble(a, b, 0s, [] {});
    return "link breaks silently";
  case 6:
    cut_off(a, span);
    return "cut off from all nodes";
  default:
    world_.net.slow(a, b, random.between(50ms, 1500ms));
    trouble(a, b, span, [this, a = a, b = b] { world_.net.slow(a, b, 0s); });
    return "slow link";
  }
}

void sim_traffic::heal() {
  for (auto& a : nodes_)
    for (auto& b : nodes_) {
      world_.net.block(a, b, false);
      world_.net.slow(a, b, 0s);
    }
}

} // namespace shoal::sim
