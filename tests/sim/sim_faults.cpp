// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_run.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

void sim_run::schedule_faults() {
  auto& random = time_.random;
  auto& faults = etcd_.faults();
  faults.lost = static_cast<uint32_t>(random.below(3) * 10);
  faults.late = static_cast<uint32_t>(random.below(3) * 10);
  auto at = time_.now();
  auto end = at + plan_.trouble;
  for (at += random.between(2s, 8s); at < end; at += random.between(100ms, 4s))
    time_.at(at, [this] { inject(); });
}

void sim_run::fault(const std::string& name, const std::string& whom) {
  ++outcome_.faults[name];
  note("fault: " + name + (whom.empty() ? "" : " of " + whom));
}

void sim_run::inject() {
  auto& random = time_.random;
  auto& n = *nodes_[random.below(nodes_.size())];
  switch (random.below(14)) {
  case 0:
  case 1:
    fault("crash", n.id());
    n.crash();
    time_.after(random.between(0s, 8s), [&n] { n.start(); });
    break;
  case 2:
  case 3:
  case 4:
    fault("pause", n.id());
    n.pause();
    time_.after(random.between(10ms, random.chance(500) ? 12s : 1s), [&n] { n.resume(); });
    break;
  case 5:
  case 6:
  case 7:
    cut_some(n);
    break;
  case 8:
    fault("etcd unavailable");
    etcd_.set_available(false);
    time_.after(random.between(50ms, 6s), [this] { etcd_.set_available(true); });
    break;
  case 9:
    fault("compaction");
    etcd_.compact(etcd_.state().revision());
    break;
  case 10:
    fault("watches break");
    etcd_.break_watches();
    break;
  case 11:
    fault("disk full", n.id());
    n.fill_disk(true);
    time_.after(random.between(100ms, 5s), [&n] { n.fill_disk(false); });
    break;
  case 12:
    double_some(n);
    break;
  default:
    drain_some(n);
  }
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
  if (random.chance(500)) {
    fault("drain", n.id());
    set_drain(n.id(), true);
    time_.after(random.between(1s, 15s), [this, &n] { set_drain(n.id(), false); });
    return;
  }
  fault("leave", n.id());
  n.leave(random.between(1s, 10s));
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
  for (auto& n : doubles_)
    n->crash();
  for (auto& n : nodes_) {
    n->fill_disk(false);
    n->cut(false, false);
    n->resume();
    if (n->is_leaving())
      n->crash();
    n->start();
    set_drain(n->id(), false);
  }
}

} // namespace shoal::sim
