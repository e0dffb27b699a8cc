// SPDX-License-Identifier: Apache-2.0
#include "cluster/replica.hpp"

namespace shoal::cluster {

using namespace coordination;
using namespace std::chrono_literals;

namespace {

/// After a write for a proof has failed.
constexpr auto proof_retry = 100ms;

range_follower::config follow_settings(const replica_config& config) {
  auto settings = config.follow;
  settings.skips_resync |= config.broken == flaw::copy_skips_resync;
  return settings;
}

} // namespace

replica::replica(coordination::store& store, replica_copy& copy,
                 const std::function<mono_time()>& now, replica_listener& who,
                 const replica_config& config)
    : store_{store}, copy_{copy}, now_{now}, listener_{who}, config_{config}, keys_{config.prefix},
      prefix_{keys_.data()}, follower_{store, prefix_, now, *this, follow_settings(config)},
      diff_{copy, prefix_.size()} {
  SHOAL_CHECK(!config_.cluster.empty());
  diff_.keeps_erased = config_.broken == flaw::copy_keeps_erased;
}

replica::~replica() = default;

void replica::advance() {
  auto now = now_();
  if (stopped_ || (!loaded_ && now < store_at_))
    return;
  if (!loaded_)
    load();
  if (!loaded_)
    return;
  follower_.advance();
  // Mostly the watch brings it before.
  bool is_due = std::exchange(overdue_, wanted_) > at_ || now >= renew_at_;
  if (is_due && revision() != 0 && (!barrier_sent_ || now >= barrier_until_))
    send_barrier(now);
  auto is_doubted = doubted_ > proving_ || (has_proof_failed_ && now < proof_wanted_until_);
  if (is_doubted && revision() != 0 && (proving_ <= proven_ || now >= proof_until_))
    send_proof(now);
}

void replica::load() {
  auto at = see_whose().and_then([this] { return copy_.position(); });
  if (!at) {
    stopped_ = at.error().code == ec::conflict;
    listener_.failed(at.error());
    store_at_ = now_() + config_.follow.retry_max;
    return;
  }
  loaded_ = true;
  at_ = at->revision;
  is_complete_ = at->complete;
  witness_ = stored_ = at->witness;
  if (at_ == 0)
    return;
  follower_.resume(at_, witness_);
  if (!is_complete_)
    follower_.resync();
}

/// What is no copy of this cluster would be erased as if it were one.
result<void> replica::see_whose() {
  auto origin = copy_.origin();
  if (!origin)
    return tl::unexpected(origin.error());
  if (*origin == config_.cluster)
    return {};
  if (!origin->empty())
    return fail(ec::conflict,
                "the store is a copy of cluster " + *origin + ", not of " + config_.cluster);
  bool is_empty = true;
  for (auto where : shared_tables)
    if (auto seen = copy_.visit(where, {}, [&](auto, auto) { return is_empty = false; }); !seen)
      return seen;
  if (!is_empty)
    return fail(ec::conflict, "the store has a registry of its own");
  return copy_.adopt(config_.cluster);
}

replica::ticket replica::await(uint64_t revision, std::function<void()> then) {
  if (this->revision() >= revision) {
    then();
    return {};
  }
  ticket made{revision, ++tickets_};
  waiting_.emplace(made, std::move(then));
  return made;
}

/// A write of our own among the data comes back by the watch, behind all that was before it. No two
/// are alike: it may be the witness.
void replica::send_barrier(mono_time now) {
  barrier_sent_ = true;
  barrier_at_ = 0;
  barrier_until_ = now + config_.barrier_timeout;
  store_.commit(own_write(now), barrier_until_,
                [this, alive = std::weak_ptr(alive_)](const auto& answer) {
                  if (!alive.expired())
                    on_barrier(answer);
                });
}

transaction replica::own_write(mono_time now) {
  auto value = std::to_string(now.time_since_epoch().count()) + '-' + std::to_string(++writes_);
  return {{}, {{keys_.data("barriers", config_.node), std::move(value), 0}}, {}};
}

/// Whoever asks while a proof is under way needs the next one, which waits for it, or until its
/// time is over: then nobody waits for it any more. Until then a write that has failed is repeated.
void replica::send_proof(mono_time now) {
  forget(proof_);
  proof_ = {};
  if (doubted_ > proving_)
    proof_wanted_until_ = now + config_.barrier_timeout;
  proving_ = doubted_;
  has_proof_failed_ = false;
  proof_until_ = now + config_.barrier_timeout;
  auto then = [this, number = proving_, seen = at_,
               alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
    if (alive.expired() || stopped_ || number < proving_)
      return;
    // In one history a write comes after all that was seen before it: an etcd that was restored
    // from a backup proves nothing, and the follower will find that out.
    if (answer && answer->revision > seen) {
      proof_ = await(answer->revision, [this, number] { proven_ = number; });
      return;
    }
    has_proof_failed_ = true;
    proof_until_ = now_() + proof_retry;
  };
  store_.commit(own_write(now), proof_until_, std::move(then));
}

void replica::on_barrier(const result<transaction_result>& answer) {
  barrier_at_ = answer ? answer->revision : 0;
  // An etcd that refuses it is asked again a little later only.
  if (answer && barrier_at_ <= at_)
    barrier_sent_ = false;
}

// -- what the follower says ---------------------------------------------------------------

void replica::changed(uint64_t revision, std::span<const watch_event> events) {
  std::vector<replicated> changes;
  for (const auto& e : events) {
    auto at = parse_data_key(std::string_view(e.kv.key).substr(prefix_.size()));
    if (!at)
      continue;
    auto value = e.erased ? std::nullopt : std::optional{e.kv.value};
    changes.push_back({at->where, std::string(at->key), std::move(value), e.kv.mod_revision});
  }
  const auto& witness = follower_.witness();
  bool is_sharper = witness.is_sharp() && !stored_.is_sharp();
  bool is_due = !changes.empty() || is_sharper || now_() >= store_at_;
  if (is_due && !keep(changes, {revision, true, witness})) {
    follower_.resume(at_, witness_);
    return;
  }
  at_ = revision;
  witness_ = witness;
  if (!events.empty()) {
    auto before = renew_at_;
    renew_witness(now_() + (witness ? config_.witness_period : 0ms));
    if (!witness) // Erasures that never pause do not put it off.
      renew_at_ = std::min(before, renew_at_);
  }
  if (!changes.empty())
    listener_.applied(revision, changes);
  moved_to(revision);
}

void replica::page(uint64_t revision, std::span<const key_value> keys, bool first) {
  if (first)
    diff_.clear();
  if (auto added = diff_.add(keys); !added) {
    listener_.failed(added.error());
    read_again();
    return;
  }
  // Nothing is lost by writing at once what nobody may read yet.
  if (is_complete_ && diff_.bytes() <= config_.diff_bytes_max)
    return;
  is_complete_ = false;
  if (!keep(diff_.take(), {revision, false, {}}))
    read_again();
}

void replica::replaced(uint64_t revision, std::span<const key_value>) {
  auto finished = diff_.finish();
  if (!finished)
    listener_.failed(finished.error());
  const auto& witness = follower_.witness();
  if (!finished || !keep(diff_.take(), {revision, true, witness})) {
    read_again();
    return;
  }
  at_ = revision;
  witness_ = witness;
  is_complete_ = is_proven_ = true;
  renew_at_ = now_() + (witness.is_sharp() ? config_.witness_period : 0ms);
  listener_.replaced(revision);
  moved_to(revision);
}

void replica::resumed() {
  if (!std::exchange(is_proven_, true))
    renew_witness(now_() + config_.witness_period);
  moved_to(at_);
}

void replica::went_back(uint64_t from, uint64_t to) {
  stopped_ = true;
  listener_.failed({ec::corrupt, went_back_words(from, to)});
}

// -- the copy -------------------------------------------------------------------------------

bool replica::keep(std::span<const replicated> changes, const copy_position& at) {
  if (config_.broken == flaw::position_apart)
    static_cast<void>(copy_.apply({}, at)); // And the changes in a transaction of their own.
  auto written = copy_.apply(changes, at);
  is_held_up_ = !written;
  if (!written) {
    listener_.failed(written.error());
    return false;
  }
  stored_ = at.witness;
  store_at_ = now_() + config_.progress_period;
  return true;
}

void replica::read_again() {
  follower_.resume(at_, witness_); // Not at once.
  follower_.resync();
}

/// Each node at another time, as one write does for all.
void replica::renew_witness(mono_time when) {
  auto share = static_cast<int>(std::hash<std::string>{}(config_.node) % 1000);
  renew_at_ = when + config_.witness_spread * share / 1000;
}

void replica::moved_to(uint64_t revision) {
  if (barrier_at_ != 0 && barrier_at_ <= revision)
    barrier_sent_ = false;
  while (!waiting_.empty() && waiting_.begin()->first.first <= revision) {
    auto then = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    then();
  }
}

} // namespace shoal::cluster
