// SPDX-License-Identifier: Apache-2.0
#include "actors/slot_feeds.hpp"

#include <caf/scoped_actor.hpp>

namespace shoal {

namespace {

using phase = cluster::replication_log::phase;

/// So often in a row a swarm may be busy before it gets a message like everybody else's.
constexpr uint32_t misses_max = 50;

/// And so long this thread waits then. Other slots wait with it.
constexpr std::chrono::seconds patience{1};

} // namespace

slot_logs::slot_logs(cluster::replication_config config) {
  config.budget = &budget_;
  for (size_t slot = 0; slot < slot_count; ++slot)
    logs_[slot] = std::make_unique<cluster::replication_log>(uint8_t(slot), config);
}

// -- parts -------------------------------------------------------------------------

void slot_feeds::own(size_t slot, uint64_t epoch) {
  feeds_[slot] = {};
  feeds_[slot].is = part::owner;
  logs_[slot].own(epoch);
}

void slot_feeds::lose(size_t slot, mono_time now) {
  auto& f = feeds_[slot];
  if (f.is != part::owner)
    return;
  f.is = part::leaving;
  f.sync.reset();
  f.leaves_at = now + config_.last_words;
  if (f.node.empty() || logs_[slot].current() != phase::following
      || config_.broken == cluster::traffic_flaw::no_last_words)
    end(slot);
}

void slot_feeds::end(size_t slot) {
  logs_[slot].stop();
  feeds_[slot] = {};
}

void slot_feeds::follow(size_t slot, const std::string& node, uint64_t revision) {
  auto& f = feeds_[slot];
  if (f.is != part::owner)
    return;
  f = {};
  f.is = part::owner;
  f.node = node;
  f.revision = revision;
  logs_[slot].stop();
}

// -- full syncs --------------------------------------------------------------------

void slot_feeds::advance(mono_time now, const std::function<bool(size_t)>& waits) {
  syncs_.clear();
  for (auto& f : feeds_)
    if (f.sync)
      ++syncs_[f.node];
  for (size_t slot = 0; slot < slot_count; ++slot) {
    auto& f = feeds_[slot];
    if (f.is == part::none || f.node.empty())
      continue;
    logs_[slot].advance(now, f.under_way == 0);
    if (f.is == part::leaving) {
      auto said
          = logs_[slot].current() != phase::following || logs_[slot].behind_by(now).bytes == 0;
      if (said || now > f.leaves_at)
        end(slot);
      continue;
    }
    if (!waits(slot))
      begin_sync(slot, now);
    go_on(slot, now);
    tell_readiness(slot, now);
  }
}

void slot_feeds::begin_sync(size_t slot, mono_time now) {
  auto& f = feeds_[slot];
  auto state = logs_[slot].current();
  auto due = (state == phase::idle || state == phase::behind) && now >= f.sync_after;
  if (!due || syncs_[f.node] >= config_.syncs_at_once)
    return;
  ++syncs_[f.node];
  f.sync_pause = std::clamp(2 * f.sync_pause, config_.sync_pause_min, config_.sync_pause_max);
  f.sync_after = now + f.sync_pause;
  logs_[slot].start_sync();
  if (config_.broken == cluster::traffic_flaw::skips_full_sync)
    return logs_[slot].finish_sync();
  f.sync.emplace(config_.sync);
}

void slot_feeds::go_on(size_t slot, mono_time now) {
  auto& f = feeds_[slot];
  for (size_t i = 0; i < config_.steps_max && f.sync; ++i) {
    if (logs_[slot].current() != phase::syncing)
      f.sync.reset();
    else if (!step(slot, now))
      return;
  }
}

/// @returns whether there may be more to do at once.
bool slot_feeds::step(size_t slot, mono_time now) {
  using what = cluster::slot_sync::task::what;
  auto& f = feeds_[slot];
  auto todo = f.sync->next(logs_[slot].behind_by(now).bytes);
  switch (todo.to_do) {
  case what::list: {
    auto hashes = [&](const info_hash& from, size_t max) {
      return swarms_.directory->hashes_in(slot, from, max);
    };
    auto listed = logs_[slot].list(todo.swarm, config_.sync.listed, hashes);
    f.sync->listed(listed);
    return true;
  }
  case what::ask:
    return ask(slot, todo.swarm, todo.identity);
  case what::done:
    logs_[slot].finish_sync();
    f.sync.reset();
    return false;
  default:
    return false;
  }
}

bool slot_feeds::ask(size_t slot, const info_hash& hash, uint64_t identity) {
  auto& f = feeds_[slot];
  piece_replicated said;
  auto report = [&] {
    f.misses = 0;
    f.sync->wrote(said.last ? std::nullopt : std::optional{said.next_identity});
    return true;
  };
  auto swarm = swarms_.directory->lookup(hash).swarm;
  auto order = replicate_swarm{identity};
  if (!swarm)
    return report();
  if (in_turn_of(swarm, unit_, [&](auto& x) { said = x.replicate_in_turn(order); }))
    return report();
  if (++f.misses < misses_max)
    return false;
  // Always awake: it takes the order in its turn, and this thread has the time to wait.
  auto answered = false;
  caf::scoped_actor self{unit_.system()};
  self->request(swarm, patience, order)
      .receive([&](const piece_replicated& x) { said = x, answered = true; },
               [&](const caf::error& why) { answered = why != caf::sec::request_timeout; });
  f.misses = 0;
  return answered && report();
}

void slot_feeds::tell_readiness(size_t slot, mono_time now) {
  auto& f = feeds_[slot];
  auto warm = logs_[slot].warm(now);
  if (warm == f.ready)
    return;
  f.ready = warm;
  if (warm) {
    f.sync_pause = {};
    duties_.standby_is_ready(slot, f.revision);
  } else {
    duties_.standby_fell_behind(slot);
  }
}

// -- what is sent ------------------------------------------------------------------

std::set<std::string> slot_feeds::nodes() const {
  std::set<std::string> all;
  for (auto& f : feeds_)
    if (f.is != part::none && !f.node.empty())
      all.insert(f.node);
  return all;
}

/// One batch of each slot after the other, so that none waits for one that has much to say.
std::string slot_feeds::take(const std::string& node, mono_time now, std::vector<size_t>& slots) {
  std::string body;
  auto& first = turn_of_[node];
  for (auto some = true; some;) {
    some = false;
    for (size_t i = 0; i < slot_count; ++i) {
      auto slot = (first + i) % slot_count;
      auto& f = feeds_[slot];
      if (f.is == part::none || f.node != node)
        continue;
      auto frame = logs_[slot].take(now, f.under_way == 0);
      if (!frame)
        continue;
      ++f.under_way;
      append_delta_frame(body, *frame);
      slots.push_back(slot);
      some = true;
      if (body.size() >= limits::replication_body_bytes_max) {
        first = slot + 1;
        return body;
      }
    }
  }
  return body;
}

void slot_feeds::acknowledge(const delta_ack& x, mono_time now) {
  if (feeds_[x.slot].is != part::none)
    logs_[x.slot].acknowledge(x, now);
}

void slot_feeds::ended(const std::string& node, const std::vector<size_t>& slots, bool arrived) {
  for (auto slot : slots) {
    auto& f = feeds_[slot];
    if (f.is == part::none || f.node != node)
      continue; // Somebody else stands by meanwhile.
    f.under_way -= f.under_way > 0 ? 1 : 0;
    if (!arrived)
      logs_[slot].link_lost();
  }
}

slot_feeds::lag slot_feeds::behind_by(mono_time now) const {
  lag sum;
  for (size_t slot = 0; slot < slot_count; ++slot) {
    auto one = logs_[slot].behind_by(now);
    sum.bytes += one.bytes;
    sum.age = std::max(sum.age, one.age);
  }
  return sum;
}

} // namespace shoal
