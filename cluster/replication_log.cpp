// SPDX-License-Identifier: Apache-2.0
#include "cluster/replication_log.hpp"

#include <algorithm>
#include <utility>

namespace shoal::cluster {

namespace {

/// Bytes that one fact takes at most beside the name of its swarm.
constexpr size_t fact_bytes_max = 40 * 1024;

/// A log may have one such part of the budget even when that is half spent.
constexpr size_t budget_shares = 256;

info_hash last_hash() {
  info_hash x;
  x.bytes.fill(0xff);
  return x;
}

} // namespace

replication_log::replication_log(uint8_t slot, const replication_config& config)
    : slot_{slot}, config_{config} {}

replication_log::~replication_log() {
  release(backlog_bytes_);
}

// -- writing -----------------------------------------------------------------------

replication_log::entry::entry(replication_log& log, const info_hash& swarm)
    : log_{log}, swarm_{swarm}, guard_{log.mutex_} {}

/// Names the swarm unless it was named last. @returns whether the fact is to be written at all.
bool replication_log::entry::begin_fact() {
  if (!log_.wanted())
    return false;
  auto number = ++log_.totals_.facts;
  if (log_.config_.broken == replication_flaw::drops_fact && number % 100 == 0)
    return false;
  if (log_.open_.size()
      >= std::min(log_.config_.batch_bytes, delta_body_bytes_max - fact_bytes_max))
    log_.close();
  if (!log_.wanted()) // It was one too many.
    return false;
  if (log_.named_ != swarm_) {
    append_fact(log_.open_, delta_swarm{swarm_});
    log_.named_ = swarm_;
  }
  return true;
}

void replication_log::entry::put(const swarm_fact& x) {
  if (begin_fact())
    append_fact(log_.open_, x);
}

void replication_log::entry::peer(const replica_peer& x) {
  if (begin_fact())
    append_peer_fact(log_.open_, x);
}

void replication_log::close() {
  if (!open_.empty())
    cut();
}

/// Closes a batch, be it empty.
void replication_log::cut() {
  backlog_bytes_ += open_.size();
  if (config_.budget)
    config_.budget->bytes += open_.size();
  batches_.push_back({++last_number_,
                      std::exchange(fresh_, false),
                      std::exchange(open_since_, {}),
                      std::move(open_),
                      {}});
  open_.clear();
  named_.reset();
  if (backlog_bytes_ > config_.backlog_bytes_max || too_much())
    fall_behind();
}

/// Whether all logs together keep too much and this one is to give way: soon if it has more than
/// its share, at the bound in any case.
bool replication_log::too_much() const {
  if (!config_.budget)
    return false;
  auto all = config_.budget->bytes.load();
  auto max = config_.budget->bytes_max;
  return all > max || (all > max / 2 && backlog_bytes_ > max / budget_shares);
}

void replication_log::release(size_t bytes) {
  backlog_bytes_ -= bytes;
  if (config_.budget)
    config_.budget->bytes -= bytes;
}

void replication_log::forget() {
  open_.clear();
  open_since_ = {};
  named_.reset();
  batches_.clear();
  sent_ = 0;
  release(backlog_bytes_);
  fresh_ = false;
  synced_at_ = 0;
}

void replication_log::fall_behind() {
  forget();
  phase_ = phase::behind;
  wanted_.store(false, std::memory_order_relaxed);
}

// -- full syncs --------------------------------------------------------------------

void replication_log::start_sync() {
  std::lock_guard guard{mutex_};
  forget();
  phase_ = phase::syncing;
  fresh_ = true;
  ++totals_.syncs;
  synced_from_ = last_number_ + 1;
  append_fact(open_, delta_sync_begin{});
  wanted_.store(true, std::memory_order_relaxed);
}

delta_range replication_log::list(const info_hash& from, size_t max, const lister& all) {
  delta_range x;
  x.from = from;
  max = std::min(max, delta_listed_max);
  std::lock_guard guard{mutex_};
  x.swarms = all(from, max);
  x.to = x.swarms.size() < max ? last_hash() : x.swarms.back();
  if (phase_ != phase::syncing)
    return x;
  if (open_.size() >= config_.batch_bytes)
    close();
  if (wanted())
    append_fact(open_, x);
  return x;
}

void replication_log::finish_sync() {
  std::lock_guard guard{mutex_};
  if (phase_ != phase::syncing)
    return;
  append_fact(open_, delta_sync_end{});
  phase_ = phase::following;
  close();
  if (phase_ == phase::following)
    synced_at_ = last_number_;
}

void replication_log::stop() {
  std::lock_guard guard{mutex_};
  forget();
  phase_ = phase::idle;
  wanted_.store(false, std::memory_order_relaxed);
}

// -- sending -----------------------------------------------------------------------

void replication_log::note_time(mono_time now, bool may_resend) {
  for (auto i = batches_.rbegin(); i != batches_.rend() && i->since == mono_time{}; ++i)
    i->since = now;
  if (!open_.empty() && open_since_ == mono_time{})
    open_since_ = now;
  if (may_resend && sent_ > 0 && now - heard_ > config_.resend_after)
    sent_ = 0;
}

void replication_log::advance(mono_time now, bool may_resend) {
  std::lock_guard guard{mutex_};
  note_time(now, may_resend);
}

void replication_log::own(uint64_t epoch) {
  std::lock_guard guard{mutex_};
  forget();
  phase_ = phase::idle;
  wanted_.store(false, std::memory_order_relaxed);
  // Numbers go on if it is the same epoch again: the standby knows the ones before.
  if (std::exchange(epoch_, epoch) != epoch)
    last_number_ = acknowledged_ = 0;
}

std::optional<std::string> replication_log::take(mono_time now, bool may_resend) {
  std::lock_guard guard{mutex_};
  note_time(now, may_resend);
  if (sent_ == batches_.size() && sent_ < config_.window)
    close();
  if (due_for_probe(now))
    cut();
  if (sent_ == batches_.size() || sent_ >= config_.window)
    return std::nullopt;
  probed_ = now;
  if (sent_ == 0)
    heard_ = now;
  auto& next = batches_[sent_++];
  ++(next.sent == mono_time{} ? totals_.batches : totals_.resent);
  if (next.sent == mono_time{})
    next.sent = now;
  return encode(delta_batch{slot_, next.fresh, epoch_, next.number, next.body});
}

/// Whether nothing is under way and has not been for a while. A standby that is gone is noticed by
/// what it does not acknowledge, so there must be something.
bool replication_log::due_for_probe(mono_time now) const {
  return phase_ == phase::following && batches_.empty() && now - probed_ >= config_.probe_after;
}

/// The standby cannot make use of a batch.
void replication_log::refused_to_apply(uint64_t number) {
  if (phase_ == phase::idle || number < synced_from_)
    return; // Something from before the full sync that is under way.
  if (!batches_.empty() && batches_.front().fresh && batches_.front().number < number)
    sent_ = 0; // Only because the beginning has been lost.
  else
    fall_behind();
}

std::optional<uint64_t> replication_log::acknowledge(const delta_ack& x, mono_time now) {
  std::lock_guard guard{mutex_};
  if (x.slot != slot_)
    return std::nullopt;
  if (x.what == delta_ack::verdict::refused) {
    if (x.epoch <= epoch_)
      return std::nullopt;
    fall_behind();
    return x.epoch;
  }
  if (x.epoch != epoch_ || x.number > last_number_)
    return std::nullopt;
  if (x.what == delta_ack::verdict::resync) {
    refused_to_apply(x.number);
    return std::nullopt;
  }
  while (!batches_.empty() && batches_.front().number <= x.number) {
    confirmed_ = std::max(confirmed_, batches_.front().sent);
    release(batches_.front().body.size());
    batches_.pop_front();
    heard_ = now;
    sent_ -= sent_ > 0 ? 1 : 0;
  }
  acknowledged_ = std::max(acknowledged_, x.number);
  if (x.what == delta_ack::verdict::resend)
    sent_ = 0;
  return std::nullopt;
}

void replication_log::link_lost() {
  std::lock_guard guard{mutex_};
  sent_ = 0;
}

// -- what is known -----------------------------------------------------------------

replication_log::phase replication_log::current() const {
  std::lock_guard guard{mutex_};
  return phase_;
}

uint64_t replication_log::epoch() const {
  std::lock_guard guard{mutex_};
  return epoch_;
}

replication_log::lag replication_log::lag_at(mono_time now) const {
  lag x{backlog_bytes_ + open_.size(), {}};
  auto since = batches_.empty() ? open_since_ : batches_.front().since;
  if (since != mono_time{})
    x.age = std::chrono::duration_cast<std::chrono::milliseconds>(now - since);
  return x;
}

replication_log::tally replication_log::totals() const {
  std::lock_guard guard{mutex_};
  return totals_;
}

replication_log::lag replication_log::behind_by(mono_time now) const {
  std::lock_guard guard{mutex_};
  return lag_at(now);
}

bool replication_log::warm(mono_time now) const {
  std::lock_guard guard{mutex_};
  return phase_ == phase::following && synced_at_ != 0 && acknowledged_ >= synced_at_
         && lag_at(now).age <= config_.lag_max && now - confirmed_ <= config_.lag_max;
}

} // namespace shoal::cluster
