// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_run.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace std::chrono_literals;

void sim_run::schedule_faults() {
  auto& random = time_.random;
  auto& faults = etcd_.faults();
  if (!strict_) {
    faults.lost = static_cast<uint32_t>(random.below(3) * 10);
    faults.late = static_cast<uint32_t>(random.below(3) * 10);
  }
  auto at = time_.now();
  auto end = at + plan_.trouble;
  for (at += random.between(2s, 8s); at < end; at += random.between(100ms, 4s))
    time_.at(at, [this] { strict_ ? inject_peacefully() : inject(); });
}

/// Nothing goes wrong; nodes are drained, leave and come back.
void sim_run::inject_peacefully() {
  constexpr auto patience = 60s;
  auto& random = time_.random;
  auto& n = *nodes_[random.below(nodes_.size())];
  auto busy = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& x) {
    return !x->is_running() || x->is_leaving() || !x->members()->nodes().drains().empty();
  });
  if (busy) // Somebody must be there to whom slots can go.
    return;
  if (random.chance(500))
    return drain_for_a_while(n);
  fault("leave", n.id());
  n.leave(patience);
}

void sim_run::fault(const std::string& name, const std::string& whom) {
  ++outcome_.faults[name];
  note("fault: " + name + (whom.empty() ? "" : " of " + whom));
}

void sim_run::inject() {
  auto& random = time_.random;
  auto& n = *nodes_[random.below(nodes_.size())];
  auto kind = random.below(traffic_ ? 20 : 15);
  if (kind < 2)
    crash_some(n);
  else if (kind < 5)
    pause_some(n);
  else if (kind < 8)
    cut_some(n);
  else if (kind < 11)
    disturb_etcd();
  else if (kind < 13)
    disturb_disk(n);
  else if (kind == 13)
    drain_some(n);
  else if (!traffic_) // There it would have to have links of its own.
    double_some(n);
  else
    fault(traffic_->disturb());
}

void sim_run::crash_some(sim_node& n) {
  fault("crash", n.id());
  n.crash();
  time_.after(time_.random.between(0s, 8s), [&n] { n.start(); });
}

void sim_run::pause_some(sim_node& n) {
  auto& random = time_.random;
  fault("pause", n.id());
  n.pause();
  time_.after(random.between(10ms, random.chance(500) ? 12s : 1s), [&n] { n.resume(); });
}

void sim_run::disturb_etcd() {
  auto& random = time_.random;
  switch (random.below(3)) {
  case 0:
    fault("etcd unavailable");
    etcd_.set_available(false);
    time_.after(random.between(50ms, 6s), [this] { etcd_.set_available(true); });
    break;
  case 1:
    fault("compaction");
    etcd_.compact(etcd_.state().revision());
    break;
  default:
    fault("watches break");
    etcd_.break_watches();
  }
}

void sim_run::disturb_disk(sim_node& n) {
  auto& random = time_.random;
  if (random.chance(500)) {
    fault("disk full", n.id());
    n.fill_disk(true);
    time_.after(random.between(100ms, 5s), [&n] { n.fill_disk(false); });
    return;
  }
  fault("slow disk", n.id());
  n.slow_disk(random.between(50ms, 2s));
  time_.after(random.between(1s, 10s), [&n] { n.slow_disk(0s); });
}

void sim_run::cut_some(sim_node& n) {
  auto& random = time_.random;
  auto kind = random.below(3);
  fault(kind == 0 ? "partition" : kind == 1 ? "way there cut" : "way back cut", n.id());
  n.cut(kind != 2, kind != 1);
  time_.after(random.between(100ms, 10s), [&n] { n.cut(false, false); });
}

void sim_run::drain_some(sim_node& n) {
  auto& random = time_.random;
  if (random.chance(500))
    return drain_for_a_while(n);
  fault("leave", n.id());
  n.leave(random.between(1s, 10s));
}

void sim_run::drain_for_a_while(sim_node& n) {
  fault("drain", n.id());
  set_drain(n.id(), true);
  time_.after(time_.random.between(1s, 15s), [this, &n] { set_drain(n.id(), false); });
}

/// Somebody starts the node again elsewhere, perhaps because it hangs, and it goes on some day.
void sim_run::double_some(sim_node& n) {
  auto& random = time_.random;
  fault("double", n.id());
  doubles_.push_back(n.make_double());
  auto* made = doubles_.back().get();
  all_.push_back(made);
  made->start();
  time_.after(random.between(3s, 20s), [made] { made->crash(); });
  if (random.chance(700)) {
    n.pause();
    time_.after(random.between(2s, 15s), [&n] { n.resume(); });
  }
}

void sim_run::set_drain(const std::string& node, bool yes) {
  operator_->commit(
      {{}, {{keys_.drain(node), yes ? std::optional{std::string{}} : std::nullopt, 0}}, {}},
      time_.now() + 1s, [this, node, yes](const auto& answer) {
        if (!answer) // The operator tries again.
          time_.after(500ms, [this, node, yes] { set_drain(node, yes && !healed_); });
      });
}

/// Clients of the registry, who stop for the end to be looked at.
void sim_run::schedule_writes() {
  auto& random = time_.random;
  if (healed_ && time_.now() > calm_ + 2s)
    return;
  for (auto* n : all_) {
    for (auto writes = random.below(3); writes > 0; --writes)
      n->write(random.below(plan_.slots));
    n->read(random.below(plan_.slots));
    if (random.chance(300))
      n->count(1 + random.below(9));
  }
  time_.after(random.between(20ms, 200ms), [this] { schedule_writes(); });
}

void sim_run::heal() {
  note("peace");
  healed_ = true;
  etcd_.faults().lost = 0;
  etcd_.faults().late = 0;
  etcd_.set_available(true);
  if (traffic_)
    traffic_->heal();
  for (auto& n : doubles_)
    n->crash();
  for (auto& n : nodes_) {
    n->fill_disk(false);
    n->slow_disk(0s);
    n->cut(false, false);
    n->resume();
    if (n->is_leaving() && !strict_) // There it goes in order, and comes back.
      n->crash();
    n->start();
    set_drain(n->id(), false);
  }
}

} // namespace shoal::sim
