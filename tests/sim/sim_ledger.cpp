// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_ledger.hpp"

#include <algorithm>
#include <cstdlib>

namespace shoal::sim {

namespace {

const std::string data = "shoal/data/";

std::string etcd_key(table where, const std::string& key) {
  return cluster::key_space{"shoal/"}.data(name(where), key);
}

bool is_counter(const std::string& key) {
  return key.starts_with(data + "users/");
}

/// Of whom nobody waits for one write and no other.
bool is_barrier(const std::string& key) {
  return key.starts_with(data + "barriers/");
}

} // namespace

void sim_ledger::happened(uint64_t revision, const coordination::watch_event& e) {
  auto value = e.erased ? std::nullopt : std::optional{e.kv.value};
  if (value && !is_counter(e.kv.key) && !is_barrier(e.kv.key) && !value->empty()) {
    if (!done_.emplace(e.kv.key, *value).second)
      wrong_("done twice", e.kv.key + " = " + *value);
    if (refused_.contains(*value))
      wrong_("refused and done", e.kv.key + " = " + *value);
  }
  if (value && is_counter(e.kv.key)
      && !flushes_.emplace(e.kv.key, value->substr(value->find(' ') + 1)).second)
    wrong_("counted twice", e.kv.key + " = " + *value);
  history_[e.kv.key].push_back({revision, std::move(value)});
  if (e.erased)
    note_erasure({e.kv.key, revision});
}

// -- erasures ---------------------------------------------------------------------------

void sim_ledger::asked(const sim_write& of) {
  for (const auto& m : of.request.mutations)
    if (!m.value)
      erasing_[etcd_key(m.where, m.key)].insert(of.value);
}

/// It may be of all that were asked for and neither answered nor refused.
void sim_ledger::note_erasure(const erasure& what) {
  auto& candidates = erased_[what] = erasing_[what.first];
  if (candidates.empty())
    wrong_("refused and done", what.first + " was erased at " + std::to_string(what.second));
}

/// A write is over: it was none of the erasures but those of its revision, and will be none.
/// @param revision 0: it was refused.
void sim_ledger::settle_erasures(const sim_write& of, uint64_t revision) {
  for (const auto& m : of.request.mutations) {
    if (m.value)
      continue;
    auto key = etcd_key(m.where, m.key);
    erasing_[key].erase(of.value);
    for (auto e = erased_.lower_bound({key, 0}); e != erased_.end() && e->first.first == key; ++e)
      if (e->first.second != revision && e->second.erase(of.value) > 0 && e->second.empty())
        wrong_(revision == 0 ? "refused and done" : "done twice",
               key + " was erased at " + std::to_string(e->first.second) + ": " + of.value);
  }
}

const sim_ledger::version* sim_ledger::version_at(const std::string& key, uint64_t revision) const {
  auto all = history_.find(key);
  if (all == history_.end())
    return nullptr;
  auto after = std::upper_bound(all->second.begin(), all->second.end(), revision,
                                [](uint64_t r, const version& v) { return r < v.revision; });
  return after == all->second.begin() ? nullptr : &*std::prev(after);
}

void sim_ledger::check_happened(const sim_write& of, uint64_t revision) const {
  for (const auto& m : of.request.mutations) {
    auto key = etcd_key(m.where, m.key);
    auto* v = version_at(key, revision);
    auto* before = version_at(key, revision - 1);
    bool was_there = before && before->value;
    bool is_new = v && v->revision == revision && v->value == m.value;
    bool so = m.value || was_there ? is_new : !v || !v->value;
    if (!so)
      wrong_("lost write", key + " = " + of.value + " acknowledged at " + std::to_string(revision));
  }
}

/// What it had read was still so when it happened.
void sim_ledger::check_guards(const sim_write& of, uint64_t revision) const {
  for (const auto& g : of.request.guards) {
    auto* v = version_at(etcd_key(g.where, g.key), revision - 1);
    if ((v && v->value ? v->revision : 0) != g.revision)
      wrong_("condition ignored", of.value + " at " + std::to_string(revision));
  }
}

/// Revisions only grow: what has the version that was wanted has always had it.
void sim_ledger::check_cause(const sim_write& of) const {
  for (const auto& g : of.request.guards) {
    auto now = etcd_.find(etcd_key(g.where, g.key));
    if (g.revision == 0 || (now ? now->mod_revision : 0) != g.revision)
      return;
  }
  wrong_("conflict without cause", of.value);
}

void sim_ledger::answered(const sim_write& of, const result<uint64_t>& outcome, uint64_t copy_at) {
  if (outcome) {
    ++acknowledged_;
    check_happened(of, *outcome);
    check_guards(of, *outcome);
    settle_erasures(of, *outcome);
    if (copy_at < *outcome)
      wrong_("acknowledged unseen", of.value + " at " + std::to_string(*outcome)
                                        + ", the copy is at " + std::to_string(copy_at));
    floor_[of.slot] = std::max(floor_[of.slot], *outcome);
    return;
  }
  auto code = outcome.error().code;
  if (code == ec::timeout || code == ec::shutting_down) {
    ++unknown_;
    return;
  }
  refused_[of.value] = name(code).data();
  settle_erasures(of, 0);
  for (const auto& m : of.request.mutations)
    if (m.value && done_.contains({etcd_key(m.where, m.key), of.value}))
      wrong_("refused and done", of.value + ": " + to_string(outcome.error()));
  if (code == ec::conflict)
    check_cause(of);
}

void sim_ledger::read(size_t slot, const std::string& key, const std::optional<versioned>& seen,
                      uint64_t copy_at) {
  ++reads_;
  auto& floor = floor_[slot];
  if (copy_at < floor)
    wrong_("read of the past",
           key + " as of " + std::to_string(copy_at) + ", not " + std::to_string(floor));
  auto* truth = version_at(etcd_key(table::refs, key), copy_at);
  bool so = truth && truth->value
                ? seen && seen->value == *truth->value && seen->revision == truth->revision
                : !seen;
  if (!so)
    wrong_("wrong read", key + " as of " + std::to_string(copy_at));
  if (seen)
    floor = std::max(floor, seen->revision);
}

std::optional<uint64_t> sim_ledger::revision_of(const std::string& key,
                                                const std::string& value) const {
  auto all = history_.find(etcd_key(table::refs, key));
  if (all == history_.end())
    return std::nullopt;
  for (auto& v : all->second)
    if (v.value == value)
      return v.revision;
  return std::nullopt;
}

void sim_ledger::check_copy(const std::string& node, const memory_copy& copy) const {
  size_t rows = 0;
  for (const auto& [key, versions] : history_) {
    auto kv = etcd_.find(key);
    auto below = std::string_view(key).substr(data.size());
    auto where = is_counter(key) ? table::users : table::refs;
    if (below.starts_with("barriers/"))
      continue;
    auto held = copy.find(where, std::string(below.substr(below.find('/') + 1)));
    if (kv.has_value() != held.has_value()
        || (kv && (kv->value != held->value || kv->mod_revision != held->revision)))
      wrong_("copies differ", node + ": " + key);
    rows += held.has_value();
  }
  size_t all = 0;
  for (auto where : cluster::shared_tables)
    static_cast<void>(copy.visit(where, {}, [&](auto, auto) { return ++all > 0; }));
  if (all != rows)
    wrong_("copies differ", node + " has what was never written");
}

void sim_ledger::check_counters() const {
  for (const auto& [counter, all] : counted_) {
    auto kv = etcd_.find(etcd_key(table::users, counter));
    auto value = kv ? std::strtoull(kv->value.c_str(), nullptr, 10) : 0;
    auto lost = forgotten_.find(counter);
    auto least = all - (lost == forgotten_.end() ? 0 : lost->second);
    if (value < least || value > all)
      wrong_("counters", counter + " is " + std::to_string(value) + ", not " + std::to_string(least)
                             + " to " + std::to_string(all));
  }
}

} // namespace shoal::sim
