// SPDX-License-Identifier: Apache-2.0
// The registry's half of sim_node.
#include "tests/sim/sim_node.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

std::string key_of(size_t slot, size_t number) {
  return std::to_string(slot) + '/' + std::to_string(number);
}

std::string counter_of(size_t number) {
  return "counter-" + std::to_string(number);
}

} // namespace

void sim_node::start_registry() {
  auto& l = *life_;
  cluster::replica_config of_copy;
  of_copy.node = id();
  of_copy.cluster = "sim";
  of_copy.follow = config_.follow;
  of_copy.diff_bytes_max = registry_.diff_bytes_max;
  of_copy.broken = config_.broken;
  l.copy = std::make_unique<cluster::replica>(
      *l.registry_link, disk_, now_, static_cast<cluster::replica_listener&>(*this), of_copy);
  cluster::etcd_commit_config of_commits;
  of_commits.node = id();
  of_commits.incarnation = config_.self.incarnation;
  of_commits.lanes = registry_.lanes;
  of_commits.group_operations_max = registry_.group_operations_max;
  of_commits.broken = config_.broken;
  of_commits.later = [this, weak = std::weak_ptr(life_)](auto span, std::function<void()> then) {
    etcd_.time().after(span, [this, weak, then = std::move(then)] {
      if (auto of = weak.lock())
        run_registry(of, then);
    });
  };
  l.commits = std::make_unique<cluster::etcd_commit_store>(
      *l.registry_link, *l.copy,
      [this](size_t slot) { return life_->members->guard(slot, local_now()); }, now_, of_commits);
  cluster::counter_config of_counters;
  of_counters.node = id();
  of_counters.incarnation = config_.self.incarnation;
  of_counters.records_max = 3;
  of_counters.needs_claim = true;
  of_counters.broken = config_.broken;
  l.counters = std::make_unique<cluster::counter_flusher>(*l.commits, counter_hooks(), of_counters);
}

/// The registry has a thread of its own, which waits for its disk.
void sim_node::run_registry(const std::shared_ptr<life>& of, std::function<void()> what) {
  if (of != life_)
    return;
  if (of->disk_busy)
    return of->on_disk.push_back(std::move(what));
  if (paused_)
    return of->backlog.push_back([this, of, what = std::move(what)] { run_registry(of, what); });
  auto before = disk_.transactions();
  what();
  if (of == life_ && disk_delay_max_ > 0s && disk_.transactions() != before)
    wait_for_disk(of);
}

void sim_node::wait_for_disk(const std::shared_ptr<life>& of) {
  of->disk_busy = true;
  auto go_on = [this, of] {
    of->disk_busy = false;
    for (auto& what : std::exchange(of->on_disk, {}))
      run_registry(of, std::move(what)); // Which may have the others wait again.
  };
  etcd_.time().after(etcd_.time().random.between(0s, disk_delay_max_), [this, of, go_on] {
    if (of != life_)
      return;
    paused_ ? of->backlog.push_back(go_on) : go_on();
  });
}

void sim_node::advance_registry() {
  life_->copy->advance();
  life_->commits->advance();
  claim();
  life_->counters->advance();
}

cluster::counter_flusher::hooks sim_node::counter_hooks() {
  cluster::counter_flusher::hooks how;
  how.now = now_;
  how.read = [this](table where, const std::string& key) -> result<std::optional<versioned>> {
    if (life_->copy->revision() == 0)
      return fail(ec::unavailable, "the copy is not complete");
    return disk_.find(where, key);
  };
  how.dropped = [this](const auto& counter, const auto& amounts, const error& why) {
    SHOAL_CHECK(why.code == ec::timeout);
    observer_.forgotten(counter.key, amounts.completions);
  };
  how.apply = [this](table, const auto& old, const auto& amounts) { return add(old, amounts); };
  return how;
}

/// A counter is a number in digits and the flush that wrote it.
result<std::optional<std::string>> sim_node::add(const std::optional<std::string>& old,
                                                 const cluster::counter_amounts& amounts) const {
  auto before = old ? std::strtoull(old->c_str(), nullptr, 10) : 0;
  return std::to_string(before + amounts.completions) + ' ' + life_->counters->id();
}

void sim_node::claim() {
  auto member = life_->members->guard_of_self();
  if (life_->claims || !member || !life_->counters->wants_claim())
    return;
  life_->claims = true;
  cluster::counter_config of;
  of.node = id();
  of.incarnation = config_.self.incarnation;
  cluster::claim_flushes(*life_->registry_link, cluster::key_space{config_.prefix}, of, *member,
                         local_now() + 1s,
                         [this, weak = std::weak_ptr(life_)](const result<uint64_t>& claim) {
                           auto l = weak.lock();
                           if (!l || l != life_)
                             return;
                           l->claims = false;
                           if (claim)
                             l->counters->claimed(*claim);
                         });
}

void sim_node::stop_registry(life& of) {
  for (size_t i = 0; i < registry_.counters; ++i)
    if (auto lost = of.counters->pending({table::users, counter_of(i)}).completions)
      observer_.forgotten(counter_of(i), lost);
  of.counters.reset();
  of.commits.reset();
  of.copy.reset();
  disk_.lose(etcd_.time().random.below(memory_copy::kept));
}

bool sim_node::may_read(size_t slot) const {
  auto epoch = owns(slot);
  auto at = epoch ? life_->copy->revision() : 0;
  return at != 0 && (at >= *epoch || config_.broken == cluster::flaw::reads_early);
}

/// Mostly as a plan is made: from what the copy has, under the condition that it is so.
commit_request sim_node::make_request(size_t slot, const std::string& value) {
  auto& random = etcd_.time().random;
  commit_request request;
  for (size_t i = 0; i < registry_.keys_per_slot; ++i) {
    if (!random.chance(400))
      continue;
    auto key = key_of(slot, i);
    auto held = disk_.find(table::refs, key);
    auto revision = held ? held->revision : 0;
    if (random.chance(50))
      revision = random.below(revision + 1); // Of a plan that is old.
    if (random.chance(900))
      request.guards.push_back({table::refs, key, revision});
    if (random.chance(800))
      request.mutations.push_back(
          {table::refs, key, random.chance(850) ? std::optional{value} : std::nullopt});
  }
  return request;
}

std::string sim_node::next_value(size_t slot) {
  return std::to_string(slot) + ' ' + id() + ' ' + std::to_string(config_.self.incarnation) + ' '
         + std::to_string(++writes_);
}

void sim_node::put(size_t slot, const std::string& key,
                   std::function<void(const result<std::string>&)> then) {
  if (!life_)
    return; // What was under way when the process ended.
  if (paused_)
    return life_->backlog.push_back([=, this] { put(slot, key, then); });
  auto held = disk_.find(table::refs, key);
  sim_write made{slot, next_value(slot), {}};
  made.request.guards.push_back({table::refs, key, held ? held->revision : 0});
  made.request.mutations.push_back({table::refs, key, made.value});
  observer_.asked(made);
  life_->commits->commit(
      {made.request, slot, {}, {}},
      [this, made, l = life_.get(), then = std::move(then)](const result<uint64_t>& outcome) {
        auto lives = life_.get() == l;
        observer_.answered(made, outcome, lives ? l->copy->revision() : UINT64_MAX);
        if (lives)
          then(outcome.map([&](uint64_t) { return made.value; }));
      });
}

void sim_node::write(size_t slot) {
  if (!may_read(slot))
    return;
  auto value = next_value(slot);
  sim_write made{slot, value, make_request(slot, value)};
  if (made.request.mutations.empty())
    return;
  observer_.asked(made);
  life_->commits->commit({made.request, slot, {}, {}},
                         [this, made, l = life_.get()](const result<uint64_t>& outcome) {
                           auto at = life_.get() == l ? l->copy->revision() : UINT64_MAX;
                           observer_.answered(made, outcome, at);
                         });
}

void sim_node::read(size_t slot) {
  if (!may_read(slot))
    return;
  for (size_t i = 0; i < registry_.keys_per_slot; ++i)
    observer_.read(slot, key_of(slot, i), disk_.find(table::refs, key_of(slot, i)),
                   life_->copy->revision());
}

void sim_node::count(uint64_t amount) {
  if (!life_ || paused_)
    return;
  auto counter = counter_of(etcd_.time().random.below(registry_.counters));
  if (life_->counters->add({table::users, counter}, {amount, 0, 0, 0, 0}))
    observer_.counted(counter, amount);
}

bool sim_node::is_settled(uint64_t revision) const {
  return life_ && life_->copy->revision() >= revision && life_->counters->is_idle()
         && life_->commits->stats().open == 0;
}

} // namespace shoal::sim
