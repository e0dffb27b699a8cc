// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_run.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace shoal::sim {

using namespace std::chrono_literals;

sim_run::sim_run(const run_plan& plan)
    : plan_{plan}, time_{plan.seed}, etcd_{time_, {}}, operator_{etcd_.connect()},
      ledger_{etcd_.state(), [this](const std::string& kind, const std::string& detail) {
                violation(kind, detail);
              }} {
  etcd_.on_change = [this](const etcd_state::change& made) { check_change(made); };
}

void sim_run::make_traffic() {
  if (plan_.seed % plan_.traffic_share != 0)
    return;
  strict_ = time_.random.chance(200);
  traffic_ = std::make_unique<sim_traffic>(
      time_, etcd_.state(), ledger_, plan_.slots, strict_, plan_.traffic_broken,
      [this](const std::string& kind, const std::string& detail) { violation(kind, detail); },
      plan_.trace ? sim_traffic::scribe{[this](const std::string& what) { note(what); }} : nullptr);
  traffic_->begin(time_.now() + plan_.trouble);
}

void sim_run::make_nodes() {
  auto& random = time_.random;
  auto count = 3 + random.below(3);
  auto zones = 1 + random.below(3);
  // Slots move in peace while everything breaks, or hardly ever.
  auto calm = std::chrono::milliseconds{random.below(3) * random.below(3) * 500};
  auto moves = static_cast<uint32_t>(1 + random.below(32));
  auto patience = std::chrono::milliseconds{random.below(5) * 500};
  registry_settings registry;
  registry.lanes = 1 + random.below(4);
  registry.group_operations_max = 8 + random.below(100);
  registry.diff_bytes_max = random.chance(300) ? 200 : registry.diff_bytes_max;
  for (uint64_t i = 0; i < count; ++i) {
    cluster::membership_config config;
    config.self.id = std::string(1, static_cast<char>('a' + i));
    config.self.zone = "zone-" + std::to_string(i % zones);
    config.self.weight = random.chance(200) ? 2 : 1;
    config.placement.slots = plan_.slots;
    config.follow.page = 7; // So that ranges take several.
    config.calm = calm;
    config.moves_per_period = moves;
    config.takeover_patience = patience;
    config.broken = plan_.broken;
    node_clock clock{random.between(0s, 1'000'000s),
                     static_cast<int64_t>(random.below(20'001)) - 10'000};
    nodes_.push_back(std::make_unique<sim_node>(etcd_, config, clock, *this, registry));
    all_.push_back(nodes_.back().get());
    if (traffic_)
      nodes_.back()->serve(traffic_->service());
    time_.after(random.between(0s, 3s), [n = nodes_.back().get()] { n->start(); });
  }
}

run_outcome sim_run::run() {
  make_traffic();
  make_nodes();
  auto begin = time_.now();
  looked_ = begin;
  schedule_faults();
  schedule_writes();
  step_until(begin + plan_.trouble);
  heal();
  calm_ = time_.now();
  // Looked at from time to time; it has to stay so.
  for (auto good = 0; good < 8 && time_.now() < calm_ + plan_.peace;) {
    step_until(time_.now() + 250ms);
    good = unsettled().empty() ? good + 1 : 0;
    if (good == 1)
      outcome_.converged = time_.now() - calm_;
  }
  check_end();
  if (traffic_)
    end_traffic();
  outcome_.events = time_.events();
  outcome_.acknowledged = ledger_.acknowledged();
  outcome_.refused = ledger_.refused();
  outcome_.unknown = ledger_.unknown();
  outcome_.reads = ledger_.reads();
  return std::move(outcome_);
}

void sim_run::end_traffic() {
  if (outcome_.violations.empty()) { // Else it may not be possible to look.
    traffic_->check_known();
    traffic_->announce_again();
    step_until(time_.now() + 8s);
    traffic_->probe();
    step_until(time_.now() + 3s);
    traffic_->check_end();
  }
  outcome_.traffic = traffic_->tally();
}

void sim_run::step_until(mono_time end) {
  while (time_.step(end))
    check_owners();
  time_.run_until(end);
}

// -- what must hold ---------------------------------------------------------------------

/// Between events an owner can only cease to be one, so to look after each is enough.
void sim_run::check_owners() {
  auto since = time_.now() - std::exchange(looked_, time_.now());
  owners_.assign(plan_.slots, nullptr);
  for (const auto* n : all_) {
    if (!n->is_running() || n->is_paused())
      continue;
    for (size_t s = 0; s < plan_.slots; ++s) {
      if (!n->owns(s))
        continue;
      if (auto* other = std::exchange(owners_[s], n))
        violation("two owners",
                  "slot " + std::to_string(s) + ": " + other->id() + " and " + n->id());
    }
  }
  if (!healed_)
    outcome_.unowned += since * std::count(owners_.begin(), owners_.end(), nullptr);
}

void sim_run::acquired(const std::string& node, size_t slot, uint64_t epoch) {
  note(node + " acquires " + std::to_string(slot) + " epoch " + std::to_string(epoch));
  ++outcome_.acquired;
  // Roles are told as they stand in etcd then, some time ago: only who acts on it is looked at.
  if (traffic_ && std::none_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
        return n->id() == node && n->owns(slot) == epoch;
      }))
    return;
  auto& last = epochs_[slot];
  outcome_.steps["resumed"] += epoch == last.first;
  if (epoch < last.first || (epoch == last.first && node != last.second))
    violation("epochs", "slot " + std::to_string(slot) + ": " + node + " has epoch "
                            + std::to_string(epoch) + " after " + last.second + "'s "
                            + std::to_string(last.first));
  last = {epoch, node};
}

void sim_run::lost(const std::string& node, size_t slot, uint64_t epoch) {
  note(node + " loses " + std::to_string(slot) + " epoch " + std::to_string(epoch));
}

void sim_run::failed(const std::string& node, const error& why) {
  // A former life can last: each time that etcd gets a leader its lease is whole again.
  if (why.code == ec::conflict || why.code == ec::storage_full)
    note(node + " " + why.detail);
  else
    violation("failure", node + ": " + to_string(why));
}

void sim_run::check_change(const etcd_state::change& made) {
  auto erases = [&](const std::string& key) {
    return std::any_of(made.events.begin(), made.events.end(),
                       [&](const auto& e) { return e.erased && e.kv.key == key; });
  };
  for (const auto& e : made.events) {
    if (plan_.trace)
      note("etcd " + std::to_string(made.revision) + ": " + e.kv.key
           + (e.erased ? " gone" : " = " + e.kv.value));
    if (e.kv.key.starts_with(keys_.data()))
      check_write(made.revision, e);
    if (traffic_ && e.kv.key.starts_with(keys_.slots()))
      traffic_->moved(std::strtoull(e.kv.key.c_str() + keys_.slots().size(), nullptr, 16),
                      e.kv.key.ends_with("/owner"));
    if (e.kv.key.ends_with("/owner") && !e.erased)
      follow_slot(e, erases(e.kv.key.substr(0, e.kv.key.size() - 5) + "standby"));
  }
  for (const auto& e : made.events)
    if (e.kv.key.starts_with(keys_.slots()))
      held_[e.kv.key] = e.kv;
}

/// A write says "SLOT NODE INCARNATION NUMBER": in whose name it was made.
void sim_run::check_write(uint64_t revision, const coordination::watch_event& e) {
  data_at_ = revision;
  ledger_.happened(revision, e);
  auto& value = e.kv.value;
  auto space = value.find(' ');
  if (e.erased || space == std::string::npos || e.kv.key.starts_with(keys_.data("users", {})))
    return;
  auto owner = etcd_.state().find(keys_.owner(std::strtoull(value.c_str(), nullptr, 10)));
  auto writer = value.substr(space + 1, value.rfind(' ') - space - 1);
  if (!owner || owner->value != writer)
    violation("stale write",
              e.kv.key + " = " + value + " but the owner is " + (owner ? owner->value : "nobody"));
}

/// In which way a slot has come to its owner.
void sim_run::follow_slot(const coordination::watch_event& e, bool standby_went) {
  auto before = held_[e.kv.key].value;
  if (before.empty()) {
    if (traffic_)
      traffic_->taken(std::strtoull(e.kv.key.c_str() + keys_.slots().size(), nullptr, 16));
    ++outcome_.steps[standby_went ? "taken over" : "claimed"];
    return;
  }
  if (before == e.kv.value) {
    ++outcome_.steps["taken back"];
    return;
  }
  ++outcome_.steps["handed over"];
  auto slot = std::strtoull(e.kv.key.c_str() + keys_.slots().size(), nullptr, 16);
  auto standby = held_[keys_.standby(slot)];
  if (!warm_.contains({slot, standby.mod_revision}))
    violation("cold hand-over", "slot " + std::to_string(slot) + " to " + e.kv.value);
}

std::string sim_run::unsettled() const {
  const cluster::membership* first = nullptr;
  for (const auto& n : nodes_) {
    auto* m = n->members();
    if (!m || !m->joined())
      return n->id() + " has not joined";
    if (m->nodes().all().size() != nodes_.size())
      return n->id() + " does not see all nodes";
    for (size_t s = 0; s < plan_.slots; ++s) {
      auto [owner, standby] = m->target(s);
      const auto& held = m->holders(s);
      if (held.owner.by.node != owner || held.standby.by.node != standby)
        return n->id() + " wants slot " + std::to_string(s) + " at " + owner + " and " + standby
               + ", it is at " + held.owner.by.node + " and " + held.standby.by.node;
      if (first && held != first->holders(s))
        return n->id() + " sees slot " + std::to_string(s) + " elsewhere";
    }
    if (!n->is_settled(data_at_))
      return n->id() + " has writes that wait, or its copy is behind";
    first = m;
  }
  for (size_t s = 0; s < plan_.slots; ++s)
    if (std::none_of(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->owns(s); }))
      return "nobody owns slot " + std::to_string(s);
  return traffic_ ? traffic_->unsettled() : std::string{};
}

void sim_run::check_end() {
  if (auto why = unsettled(); !why.empty())
    violation("not settled", why);
  for (const auto& n : nodes_)
    ledger_.check_copy(n->id(), n->copy());
  ledger_.check_counters();
  check_flushes();
}

/// The last process of a node leaves one at most, and the others none. One that was replaced by
/// its double and is the node again learns with its next flush that it has to claim anew.
void sim_run::check_flushes() {
  constexpr uint32_t all = 1000;
  coordination::range_query query{keys_.flushes(), coordination::prefix_end(keys_.flushes()), all,
                                  0};
  auto ids = etcd_.state().read(query);
  std::set<std::string> lives;
  for (const auto& kv : ids->keys) {
    auto life = kv.key.substr(keys_.flushes().size(), kv.key.rfind('-') - keys_.flushes().size());
    auto slash = life.find('/');
    auto process = life.substr(slash + 1);
    auto last = etcd_.state().find(keys_.flusher(life.substr(0, slash)));
    auto now = etcd_.state().find(keys_.node(life.substr(0, slash)));
    auto may_leave = (last && last->value == process)
                     || (now && now->value.find(process) != std::string::npos);
    if (!may_leave || !lives.insert(life).second)
      violation("flushes left", kv.key);
  }
}

void sim_run::violation(const std::string& kind, const std::string& detail) {
  auto& all = outcome_.violations;
  if (std::any_of(all.begin(), all.end(), [&](const auto& v) { return v.starts_with(kind); }))
    return;
  all.push_back(kind + ": " + detail);
  note("VIOLATION " + all.back());
}

void sim_run::note(const std::string& what) {
  if (plan_.trace)
    std::printf("%10.4f %s\n", std::chrono::duration<double>(time_.now() - mono_time{1h}).count(),
                what.c_str());
}

} // namespace shoal::sim
