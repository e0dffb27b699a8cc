// SPDX-License-Identifier: Apache-2.0
#include "cluster/registry_engine.hpp"

#include "cluster/home_slot.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"

namespace shoal::cluster {

namespace {

constexpr std::string_view log_name = "registry";

replica_config copy_settings(const registry_engine_config& config) {
  replica_config made;
  made.node = config.node;
  made.prefix = config.prefix;
  made.cluster = config.cluster;
  made.follow = config.follow;
  return made;
}

etcd_commit_config commit_settings(const registry_engine_config& config) {
  etcd_commit_config made;
  made.node = config.node;
  made.incarnation = config.incarnation;
  made.prefix = config.prefix;
  made.queue_max = limits::registry_writes_max;
  made.meters = config.meters;
  made.later = config.later;
  return made;
}

counter_config counter_settings(const registry_engine_config& config) {
  counter_config made;
  made.node = config.node;
  made.incarnation = config.incarnation;
  made.pending_max = limits::registry_counters_max;
  made.needs_claim = config.claims_counters;
  return made;
}

void log_dropped(const counter_key& of, const counter_amounts&, const error& why) {
  log::error(log_name, "drops counts of a record table={} error=\"{}\"", name(of.where),
             to_string(why));
}

} // namespace

registry_engine::registry_engine(coordination::store& etcd, lmdb_store& store,
                                 const slot_routes& routes, const std::function<mono_time()>& now,
                                 registry_listener& listener, const registry_engine_config& config,
                                 counted on_counted)
    : etcd_{etcd}, routes_{routes}, now_{now}, who_{listener}, config_{config},
      on_counted_{std::move(on_counted)}, keys_{config.prefix}, disk_{store},
      counting_{counter_settings(config)}, synced_at_{now()} {
  copy_ = std::make_unique<replica>(etcd_, disk_, now_, static_cast<replica_listener&>(*this),
                                    copy_settings(config));
  commits_ = std::make_unique<etcd_commit_store>(
      etcd_, *copy_, [this](size_t slot) { return guard(slot); }, now_, commit_settings(config));
  counter_flusher::hooks hooks;
  hooks.read = [&store](table where, const std::string& key) { return store.get(where, key); };
  hooks.now = now_;
  hooks.dropped = log_dropped;
  counters_ = std::make_unique<counter_flusher>(static_cast<commit_store&>(*this), std::move(hooks),
                                                counting_);
}

registry_engine::~registry_engine() = default;

std::optional<coordination::condition> registry_engine::guard(size_t slot) const {
  auto epoch = routes_.may_write(slot, now_());
  if (!epoch)
    return std::nullopt;
  return coordination::condition{keys_.owner(slot), coordination::condition::what::mod_revision,
                                 *epoch};
}

void registry_engine::commit(commit_request what, commit_store::callback then) {
  auto slot = guarding_slot(what);
  durable_write write;
  write.request = std::move(what);
  write.slot = slot;
  commits_->commit(std::move(write), std::move(then));
}

/// For the counters: whoever shows them must know at once that a flush is written.
void registry_engine::commit(durable_write what, commit_store::callback then) {
  auto written = what.request;
  commits_->commit(std::move(what), [this, then = std::move(then), written = std::move(written)](
                                        const result<uint64_t>& outcome) {
    then(outcome);
    if (outcome && on_counted_)
      on_counted_(written);
  });
}

void registry_engine::applied(uint64_t revision, std::span<const replicated> changes) {
  who_.applied(revision,
               std::make_shared<const std::vector<replicated>>(changes.begin(), changes.end()));
}

void registry_engine::advance() {
  auto now = now_();
  copy_->advance();
  if (has_stopped())
    return;
  commits_->advance();
  if (revision() != 0)
    counters_->advance();
  claim_counters(now);
  probe(now);
}

/// Only one process of a node's name may write counts; it also forgets the flushes of others.
void registry_engine::claim_counters(mono_time now) {
  auto lease = routes_.self_lease();
  if (is_claiming_ || lease == 0 || !counters_->wants_claim() || now < claim_at_)
    return;
  is_claiming_ = true;
  claim_at_ = now + config_.probe_period;
  coordination::condition member{keys_.node(config_.node), coordination::condition::what::lease,
                                 static_cast<uint64_t>(lease)};
  auto then = [this, alive = std::weak_ptr(alive_)](const result<uint64_t>& claim) {
    if (alive.expired())
      return;
    is_claiming_ = false;
    if (claim)
      counters_->claimed(*claim);
  };
  claim_flushes(etcd_, keys_, counting_, member, now + config_.probe_timeout, std::move(then));
}

void registry_engine::probe(mono_time now) {
  if (is_probing_ || now < probe_at_)
    return;
  is_probing_ = true;
  probe_at_ = now + config_.probe_period;
  auto then = [this, now, alive = std::weak_ptr(alive_)](const auto& page) {
    if (alive.expired())
      return;
    is_probing_ = false;
    is_reachable_ = page.has_value();
    if (page)
      etcd_revision_ = page->revision;
    if (page && etcd_.is_following() && !copy_->is_held_up())
      synced_at_ = now;
  };
  etcd_.read({keys_.identity(), keys_.identity() + '\0', 1, 0}, now + config_.probe_timeout,
             std::move(then));
}

} // namespace shoal::cluster
