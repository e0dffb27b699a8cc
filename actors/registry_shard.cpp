// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_shard.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"

#include <algorithm>

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
  if (config_.cluster)
    entry.completions
        += config_.cluster->pending({table::entries, entry.hashes.primary_key()}).completions;
  for (auto* counted : {&completions_, &writing_})
    if (auto pending = counted->find(entry.hashes.primary_key()); pending != counted->end())
      entry.completions += pending->second;
  return entry;
}

// -- writes ------------------------------------------------------------------------

registry_shard_actor registry_shard::owner_of(const registry_plan& plan) const {
  auto& entry = plan.before ? plan.before : plan.after;
  if (!entry || !config_.registry_of)
    return {};
  auto primary = entry->hashes.primary_swarm();
  if (registry_shard_of(primary) == number_)
    return {};
  return config_.registry_of(primary);
}

void registry_shard::run(const registry_write& job) {
  auto planned = job.plan();
  if (!planned) {
    job.outcome(std::move(planned));
    return;
  }
  // Whoever asked may have known the entry by another of its hashes, or not at all.
  if (auto owner = owner_of(*planned); owner && job.elsewhere) {
    job.elsewhere(owner);
    return;
  }
  if (config_.cluster && !is_home_here(*planned)) {
    job.outcome(fail(ec::not_owner));
    return;
  }
  auto shared = std::make_shared<registry_plan>(std::move(*planned));
  request(config_.writer, commit_timeout, shared->commit)
      .then(
          [=, this](uint64_t) {
            if (!config_.cluster) {
              apply(*shared);
              tell_steward(*shared);
            }
            tell_catalog(*shared, [=] { job.outcome(std::move(*shared)); });
          },
          [=, this](const caf::error& reason) {
            auto err = from_caf(reason);
            if (err.code == ec::conflict && clock().now() < job.deadline)
              run(job);
            else if (err.code == ec::conflict)
              job.outcome(fail(ec::busy, "too many writes to the same entry"));
            else
              job.outcome(tl::unexpected{err});
          });
}

void registry_shard::tell_steward(const registry_plan& plan) {
  if (!config_.steward)
    return;
  settle_records what;
  if (auto& named = plan.revision_after ? plan.revision_after : plan.revision_before)
    what.revision = named->id + '@' + named->rev;
  auto objects_of = [](const std::optional<registry_entry>& x) {
    return x ? std::pair(x->torrent_object, x->twin_torrent_object)
             : std::pair<std::optional<sha256_digest>, std::optional<sha256_digest>>{};
  };
  if (objects_of(plan.before) != objects_of(plan.after))
    what.entry = (plan.after ? plan.after : plan.before)->hashes.primary_key();
  if (!what.revision.empty() || !what.entry.empty())
    send(config_.steward, std::move(what));
}

void registry_shard::tell_catalog(const registry_plan& plan, std::function<void()> outcome) {
  auto tell = [this](const revision& x) {
    return request(config_.catalog, defaults::request_timeout, atom::load::value, x);
  };
  if (config_.cluster && (plan.revision_after || plan.revision_before)) {
    // It has been told already: once it answers anything, it has listened.
    request(config_.catalog, defaults::request_timeout, lookup_revision{})
        .then([=](const revision&) { outcome(); }, [=](const caf::error&) { outcome(); });
  } else if (plan.revision_after) {
    if (plan.parent_after) // It listens in this order, so the last answer will do.
      tell(*plan.parent_after).then([](atom::load) {}, [](const caf::error&) {});
    tell(*plan.revision_after)
        .then([=](atom::load) { outcome(); }, [=](const caf::error&) { outcome(); });
  } else if (plan.revision_before) {
    request(config_.catalog, defaults::request_timeout, atom::clear::value, *plan.revision_before)
        .then([=](atom::clear) { outcome(); }, [=](const caf::error&) { outcome(); });
  } else {
    outcome();
  }
}

template <class Reply, class Ask, class Finish>
registry_shard::promise<Reply> registry_shard::write(const Ask& ask, make_plan plan,
                                                     Finish finish) {
  auto answer = make_response_promise<promise<Reply>>();
  auto outcome = [answer, finish](result<registry_plan> made) mutable {
    if (made)
      answer.deliver(finish(*made));
    else
      answer.deliver(to_caf(made.error()));
  };
  auto elsewhere
      = [answer, ask](const registry_shard_actor& owner) mutable { answer.delegate(owner, ask); };
  run({std::move(plan), outcome, elsewhere, clock().now() + defaults::request_timeout});
  return answer;
}

registry_shard::promise<registry_entry> registry_shard::on_register(const register_entry& ask) {
  return write<registry_entry>(
      ask, [=, this] { return planner_.register_entry(ask.entry, config_.now()); },
      [this](const registry_plan& made) { return with_counts(*made.after); });
}

registry_shard::promise<registry_entry> registry_shard::on_publish(const publish_revision& ask) {
  return write<registry_entry>(
      ask, [=, this] { return planner_.publish(ask, config_.now()); },
      [this](const registry_plan& made) { return with_counts(*made.after); });
}

registry_shard::promise<atom::clear> registry_shard::on_remove(const remove_entry& ask) {
  return write<atom::clear>(
      ask, [=, this] { return planner_.remove(ask.hash, ask.reason, config_.now()); },
      [](const registry_plan&) { return atom::clear::value; });
}

registry_shard::promise<atom::clear>
registry_shard::on_remove_revision(const remove_revision& ask) {
  return write<atom::clear>(
      ask, [=, this] { return planner_.remove_revision(ask.id, ask.rev); },
      [](const registry_plan&) { return atom::clear::value; });
}

registry_shard::promise<blocked_hash> registry_shard::on_block(blocked_hash ask) {
  ask.blocked_at = config_.now();
  return write<blocked_hash>(
      ask, [=, this] { return planner_.block(ask); }, [ask](const registry_plan&) { return ask; });
}

registry_shard::promise<atom::clear> registry_shard::on_unblock(const unblock_hash& ask) {
  return write<atom::clear>(
      ask, [=, this] { return planner_.unblock(ask.hash); },
      [](const registry_plan&) { return atom::clear::value; });
}

// -- memory follows the store --------------------------------------------------------

void registry_shard::apply(const registry_plan& plan) {
  for (auto& name : plan.blocked)
    if (auto hash = info_hash::from_bytes(name)) {
      settle_blocked(*hash);
      if (auto swarm = config_.directory->lookup(*hash).swarm)
        send(swarm, atom::clear::value);
    }
  for (auto& name : plan.unblocked)
    if (auto hash = info_hash::from_bytes(name))
      settle_blocked(*hash);
  if (plan.before && plan.after && plan.before->hashes == plan.after->hashes) {
    show(*plan.after);
    return;
  }
  if (plan.before && plan.after)
    drop_others(plan.before->hashes, plan.after->hashes);
  if (plan.after) {
    show(*plan.after);
    refresh_swarms(plan.after->hashes);
  } else if (plan.before) {
    hide(*plan.before);
    refresh_swarms(plan.before->hashes);
  }
}

/// Shards may block and unblock the same hash at once and get here in any order, so the directory
/// follows what the store says, looked at again after each change.
void registry_shard::settle_blocked(const info_hash& hash) {
  auto stored = [&] {
    auto found = config_.store->get(table::blocked, hash.chars());
    return !found || found->has_value(); // When in doubt, nobody may announce it.
  };
  for (auto wanted = stored();;) {
    config_.directory->set_blocked(hash, wanted);
    if (auto now = stored(); now != wanted)
      wanted = now;
    else
      return;
  }
}

void registry_shard::drop_others(const torrent_hashes& before, const torrent_hashes& after) {
  auto kept = after.swarms();
  for (auto& [hash, source] : before.swarms()) {
    auto same = [&, &gone = hash](auto& x) { return x.first == gone; };
    if (std::any_of(kept.begin(), kept.end(), same))
      continue;
    config_.directory->drop_registration(hash);
    if (auto swarm = config_.directory->lookup(hash).swarm)
      send(swarm, atom::refresh::value);
  }
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
  else
    index_.erase(key);
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
  if (config_.cluster) {
    cluster::counter_amounts more;
    more.completions = fact.count;
    more.at = config_.now();
    if (!config_.cluster->count({table::entries, found->hashes.primary_key()}, more))
      log::warn("registry_shard", "cannot count, too much waits to be written");
    return;
  }
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
  // A copy, because the last outcome, which may come at once, clears `writing_`.
  auto batch = writing_;
  auto left = std::make_shared<size_t>(batch.size());
  auto failure = std::make_shared<std::optional<error>>();
  for (auto& [key, count] : batch) {
    auto plan = [this, key = key, count = count] { return planner_.add_completions(key, count); };
    auto note = [=, this, key = key, count = count](result<registry_plan> written) {
      // After a timeout the commit may still happen: rather one count too few than one twice.
      if (!written && written.error().code != ec::not_found) {
        if (written.error().code != ec::timeout)
          completions_[key] += count;
        *failure = written.error();
      }
      if (--*left == 0)
        end_flush(outcome, *failure);
    };
    run({plan, note, {}, clock().now() + defaults::request_timeout});
  }
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

registry_shard::promise<atom::flush> registry_shard::on_flush() {
  auto answer = make_response_promise<promise<atom::flush>>();
  if (config_.cluster) {
    cluster_flushes_.push_back(answer);
    auto me = caf::actor_cast<registry_shard_actor>(this);
    config_.cluster->flush(
        [me](const result<void>& how) { caf::anon_send(me, counters_flushed{how.has_value()}); });
    return answer;
  }
  flush_completions([answer](std::optional<error> failure) mutable {
    if (failure)
      answer.deliver(to_caf(*failure));
    else
      answer.deliver(atom::flush::value);
  });
  return answer;
}

// -- start -----------------------------------------------------------------------------

void registry_shard::for_each_stored(
    const std::function<void(const registry_entry&)>& visit) const {
  // Keys start with the byte that is the slot, so a shard's entries stand next to each other.
  constexpr auto slots = slot_count / registry_shard_count;
  const std::string first(1, static_cast<char>(number_ * slots));
  const auto last = (number_ + 1) * slots - 1;
  auto damage = config_.store->scan(table::entries, first, [&](auto key, auto value, auto) {
    if (static_cast<uint8_t>(key.front()) > last)
      return false;
    auto record = decode_entry(value);
    if (!record) {
      log::error("registry_shard", "skips a corrupt entry error=\"{}\"", to_string(record.error()));
      return true;
    }
    visit(from_record(*record));
    return true;
  });
  if (!damage)
    log::error("registry_shard", "finds damage error=\"{}\"", to_string(damage.error()));
}

void registry_shard::load() {
  size_t loaded = 0;
  for_each_stored([&](const registry_entry& entry) {
    show(entry);
    ++loaded;
  });
  log::debug("registry_shard", "is loaded number={} entries={}", number_, loaded);
}

registry_shard::behavior_type registry_shard::make_behavior() {
  load();
  return {
      [this](const lookup_entry& x) { return to_reply(on_lookup(x)); },
      [this](const seek_entry& x) { return to_reply(on_lookup({x.hash})); },
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
      [this](const registry_step& x) { on_step(x); },
      [this](const counters_flushed& x) { on_flushed(x); },
  };
}

} // namespace shoal
