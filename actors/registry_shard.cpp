// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_shard.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"

namespace shoal {

namespace {

template <class T>
caf::result<T> to_reply(result<T> outcome) {
  if (!outcome)
    return to_caf(outcome.error());
  return std::move(*outcome);
}

} // namespace

registry_shard::registry_shard(caf::actor_config& cfg, size_t number, const registry_config* config)
    : registry_shard_actor::base(cfg), number_{number}, config_{*config}, planner_{*config->store} {
}

// -- reads -------------------------------------------------------------------------

result<registry_entry> registry_shard::on_lookup(const lookup_entry& ask) const {
  auto found = planner_.find(ask.hash);
  if (found)
    *found = with_counts(std::move(*found));
  return found;
}

registry_entry registry_shard::with_counts(registry_entry entry) const {
  // The directory knows the counts of every entry, also of another shard's.
  if (auto known = config_.directory->registration_of(entry.hashes.primary_swarm())) {
    entry.seeders = known->counts->seeders();
    entry.leechers = known->counts->leechers();
  }
  for (auto* counted : {&completions_, &writing_})
    if (auto pending = counted->find(entry.hashes.primary_key()); pending != counted->end())
      entry.completions += pending->second;
  return entry;
}

// -- writes ------------------------------------------------------------------------

void registry_shard::run(make_plan plan, on_done outcome) {
  run(std::move(plan), std::move(outcome), clock().now() + defaults::request_timeout);
}

void registry_shard::run(make_plan plan, on_done outcome, mono_time deadline) {
  auto planned = plan();
  if (!planned) {
    outcome(std::move(planned));
    return;
  }
  auto shared = std::make_shared<registry_plan>(std::move(*planned));
  request(config_.writer, defaults::request_timeout, shared->commit)
      .then(
          [=, this](uint64_t) {
            apply(*shared);
            tell_catalog(*shared, [=] { outcome(std::move(*shared)); });
          },
          [=, this](const caf::error& reason) {
            auto err = from_caf(reason);
            if (err.code == ec::conflict && clock().now() < deadline)
              run(plan, outcome, deadline);
            else if (err.code == ec::conflict)
              outcome(fail(ec::busy, "too many writes to the same entry"));
            else
              outcome(tl::unexpected{err});
          });
}

void registry_shard::tell_catalog(const registry_plan& plan, std::function<void()> outcome) {
  if (plan.revision_after)
    request(config_.catalog, defaults::request_timeout, atom::load::value, *plan.revision_after)
        .then([=](atom::load) { outcome(); }, [=](const caf::error&) { outcome(); });
  else if (plan.revision_before)
    request(config_.catalog, defaults::request_timeout, atom::clear::value, *plan.revision_before)
        .then([=](atom::clear) { outcome(); }, [=](const caf::error&) { outcome(); });
  else
    outcome();
}

caf::typed_response_promise<registry_entry> registry_shard::on_register(const register_entry& ask) {
  auto answer = make_response_promise<caf::typed_response_promise<registry_entry>>();
  run([this, ask] { return planner_.register_entry(ask.entry, config_.now()); },
      [this, answer](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(with_counts(*outcome->after));
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

caf::typed_response_promise<registry_entry>
registry_shard::on_publish(const publish_revision& ask) {
  auto answer = make_response_promise<caf::typed_response_promise<registry_entry>>();
  run([this, ask] { return planner_.publish(ask, config_.now()); },
      [this, answer](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(with_counts(*outcome->after));
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

caf::typed_response_promise<atom::clear> registry_shard::on_remove(const remove_entry& ask) {
  auto answer = make_response_promise<caf::typed_response_promise<atom::clear>>();
  run([this, ask] { return planner_.remove(ask.hash, ask.reason, config_.now()); },
      [answer](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(atom::clear::value);
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

caf::typed_response_promise<atom::clear>
registry_shard::on_remove_revision(const remove_revision& ask) {
  auto answer = make_response_promise<caf::typed_response_promise<atom::clear>>();
  run([this, ask] { return planner_.remove_revision(ask.id, ask.rev); },
      [answer](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(atom::clear::value);
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

caf::typed_response_promise<blocked_hash> registry_shard::on_block(blocked_hash ask) {
  auto answer = make_response_promise<caf::typed_response_promise<blocked_hash>>();
  ask.blocked_at = config_.now();
  run([this, ask] { return planner_.block(ask); },
      [answer, ask](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(ask);
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

caf::typed_response_promise<atom::clear> registry_shard::on_unblock(const unblock_hash& ask) {
  auto answer = make_response_promise<caf::typed_response_promise<atom::clear>>();
  run([this, ask] { return planner_.unblock(ask.hash); },
      [answer](result<registry_plan> outcome) mutable {
        if (outcome)
          answer.deliver(atom::clear::value);
        else
          answer.deliver(to_caf(outcome.error()));
      });
  return answer;
}

// -- memory follows the store --------------------------------------------------------

void registry_shard::apply(const registry_plan& plan) {
  for (auto& name : plan.blocked)
    if (auto hash = info_hash::from_bytes(name)) {
      config_.directory->set_blocked(*hash, true);
      if (auto swarm = config_.directory->lookup(*hash).swarm)
        send(swarm, atom::clear::value);
    }
  for (auto& name : plan.unblocked)
    if (auto hash = info_hash::from_bytes(name))
      config_.directory->set_blocked(*hash, false);
  if (plan.after)
    show(*plan.after);
  else if (plan.before)
    hide(*plan.before);
  if (plan.before && plan.after && plan.before->hashes == plan.after->hashes)
    return;
  if (plan.after)
    refresh_swarms(plan.after->hashes);
  else if (plan.before)
    refresh_swarms(plan.before->hashes);
}

void registry_shard::show(const registry_entry& entry) {
  auto key = entry.hashes.primary_key();
  auto& counts = counts_[key];
  if (!counts)
    counts = pool_.make();
  indexed_entry columns;
  columns.name = entry.name;
  columns.category = entry.category;
  columns.publisher = entry.publisher;
  columns.tags = entry.tags;
  columns.created_at = entry.created_at;
  columns.completions = entry.completions;
  columns.live = &counts->cell();
  // A private torrent is found by whoever knows its hash, not by browsing.
  if (!entry.is_private)
    index_.upsert(key, columns);
  auto swarms = entry.hashes.swarms();
  for (auto& [hash, source] : swarms)
    config_.directory->put_registration(
        hash, std::make_shared<registration>(registration{
                  swarms.front().first, source, swarms.size() > 1, entry.completions, counts}));
}

void registry_shard::hide(const registry_entry& entry) {
  auto key = entry.hashes.primary_key();
  index_.erase(key);
  for (auto& [hash, source] : entry.hashes.swarms())
    config_.directory->drop_registration(hash);
  counts_.erase(key);
  completions_.erase(key);
}

void registry_shard::refresh_swarms(const torrent_hashes& hashes) {
  for (auto& [hash, source] : hashes.swarms())
    if (auto swarm = config_.directory->lookup(hash).swarm)
      send(swarm, atom::refresh::value);
}

search_result registry_shard::on_search(const search_query& query) const {
  return index_.search(query);
}

// -- completions ----------------------------------------------------------------------

void registry_shard::on_completions(const completions_counted& fact) {
  auto found = planner_.find(fact.swarm.chars());
  if (!found)
    return; // Taken down meanwhile.
  completions_[found->hashes.primary_key()] += fact.count;
  if (!std::exchange(flush_armed_, true))
    delayed_send(this, config_.completions_flush_period, atom::tick::value);
}

void registry_shard::flush_completions(flush_done outcome) {
  // One batch is under way at a time, or a count might be written twice.
  if (!writing_.empty()) {
    flush_waiters_.push_back(std::move(outcome));
    return;
  }
  flush_armed_ = false;
  if (completions_.empty()) {
    outcome(std::nullopt);
    return;
  }
  writing_ = std::exchange(completions_, {});
  auto left = std::make_shared<size_t>(writing_.size());
  auto failure = std::make_shared<std::optional<error>>();
  for (auto& [key, count] : writing_)
    run([this, key = key, count = count] { return planner_.add_completions(key, count); },
        [=, this, key = key, count = count](result<registry_plan> written) {
          if (!written && written.error().code != ec::not_found) {
            completions_[key] += count;
            *failure = written.error();
          }
          if (--*left == 0)
            end_flush(outcome, *failure);
        });
}

void registry_shard::end_flush(const flush_done& outcome, std::optional<error> failure) {
  writing_.clear();
  // What could not be written stays and is tried again; the store has logged why.
  if (failure && !std::exchange(flush_armed_, true))
    delayed_send(this, defaults::request_timeout, atom::tick::value);
  outcome(std::move(failure));
  for (auto& waiter : std::exchange(flush_waiters_, {}))
    flush_completions(std::move(waiter));
}

caf::typed_response_promise<atom::flush> registry_shard::on_flush() {
  auto answer = make_response_promise<caf::typed_response_promise<atom::flush>>();
  flush_completions([answer](std::optional<error> failure) mutable {
    if (failure)
      answer.deliver(to_caf(*failure));
    else
      answer.deliver(atom::flush::value);
  });
  return answer;
}

// -- start -----------------------------------------------------------------------------

void registry_shard::load() {
  // Keys start with the byte that is the slot, so a shard's entries stand next to each other.
  constexpr auto slots = slot_count / registry_shard_count;
  const std::string first(1, static_cast<char>(number_ * slots));
  const auto last = (number_ + 1) * slots - 1;
  size_t loaded = 0;
  auto damage = config_.store->scan(table::entries, first, [&](auto key, auto value, auto) {
    if (static_cast<uint8_t>(key.front()) > last)
      return false;
    auto record = decode_entry(value);
    if (!record) {
      log::error("registry_shard", "skips a corrupt entry error=\"{}\"", to_string(record.error()));
      return true;
    }
    show(from_record(*record));
    ++loaded;
    return true;
  });
  if (!damage)
    log::error("registry_shard", "finds damage error=\"{}\"", to_string(damage.error()));
  log::debug("registry_shard", "is loaded number={} entries={}", number_, loaded);
}

registry_shard::behavior_type registry_shard::make_behavior() {
  load();
  return {
      [this](const lookup_entry& x) { return to_reply(on_lookup(x)); },
      [this](const register_entry& x) { return on_register(x); },
      [this](const remove_entry& x) { return on_remove(x); },
      [this](const search_query& x) { return on_search(x); },
      [this](const publish_revision& x) { return on_publish(x); },
      [this](const remove_revision& x) { return on_remove_revision(x); },
      [this](blocked_hash& x) { return on_block(std::move(x)); },
      [this](const unblock_hash& x) { return on_unblock(x); },
      [this](const completions_counted& x) { on_completions(x); },
      [this](atom::flush) { return on_flush(); },
      [this](atom::tick) { flush_completions([](std::optional<error>) {}); },
  };
}

} // namespace shoal
