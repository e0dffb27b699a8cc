// SPDX-License-Identifier: Apache-2.0
#include "cluster/registry_desk.hpp"

#include "core/defaults.hpp"
#include "core/limits.hpp"

namespace shoal::cluster {

namespace {

/// What was dropped or let go changes no record, so it is looked for now and then.
constexpr std::chrono::seconds settle_period{1};

/// A copy whose watch stands and whose etcd answers each second is as new as can be told.
constexpr std::chrono::milliseconds lag_shown_from{3000};

/// Counters are flushed within what whoever asks for it waits.
constexpr auto flush_patience = defaults::request_timeout - std::chrono::seconds{1};

size_t size_of(const commit_request& x) {
  size_t bytes = sizeof(x);
  for (const auto& g : x.guards)
    bytes += sizeof(g) + g.key.size();
  for (const auto& m : x.mutations)
    bytes += sizeof(m) + m.key.size() + (m.value ? m.value->size() : 0);
  return bytes;
}

} // namespace

registry_desk::registry_desk(executor run, registry_listener& who, const clock& now)
    : run_{std::move(run)}, who_{who}, now_{now}, ledger_{limits::registry_counters_max},
      synced_at_{now()} {}

registry_desk::~registry_desk() = default;

// -- on the engine's thread ------------------------------------------------------------------

void registry_desk::open(coordination::store& etcd, lmdb_store& store, const slot_routes& routes,
                         const registry_engine_config& config) {
  engine_ = std::make_unique<registry_engine>(
      etcd, store, routes, now_, static_cast<registry_listener&>(*this), config,
      [this](const commit_request& written) { ledger_.settle(engine_->counters(), written); });
}

void registry_desk::tick(const coordination::etcd_health& health) {
  if (!engine_)
    return;
  ledger_.hand_over(engine_->counters());
  engine_->prove(doubted_);
  engine_->advance();
  auto now = now_();
  if (now >= settle_at_) {
    settle_at_ = now + settle_period;
    ledger_.settle_all(engine_->counters());
  }
  end_flushes(fail(ec::timeout, "counters wait for etcd"), now);
  publish(health);
}

void registry_desk::close() {
  if (!engine_)
    return;
  end_flushes(fail(ec::shutting_down), mono_time::max());
  engine_.reset(); // Its last words are callbacks.
  std::lock_guard guard{mutex_};
  if (!stopped_)
    stopped_ = error{ec::shutting_down, {}};
  seen_.notify_all();
}

void registry_desk::publish(const coordination::etcd_health& health) {
  revision_.store(engine_->revision(), std::memory_order_release);
  proven_.store(engine_->proven(), std::memory_order_release);
  std::lock_guard guard{mutex_};
  status_.stopped = engine_->has_stopped();
  status_.reachable = engine_->is_reachable();
  status_.etcd = health;
  status_.commits = engine_->commits();
  status_.etcd_revision = engine_->etcd_revision();
  status_.resumptions = engine_->resumptions();
  status_.resyncs = engine_->resyncs();
  synced_at_ = engine_->synced_at();
  auto goes_on = std::exchange(keys_read_, engine_->keys_read()) != engine_->keys_read();
  if (engine_->revision() != 0 || goes_on)
    seen_.notify_all();
}

void registry_desk::applied(uint64_t revision, registry_changes changes) {
  who_.applied(revision, std::move(changes));
  // After that: who sees the revision knows that memory has been told.
  revision_.store(revision, std::memory_order_release);
}

void registry_desk::replaced(uint64_t revision) {
  who_.replaced(revision);
  revision_.store(revision, std::memory_order_release);
}

void registry_desk::failed(const error& why) {
  if (why.code == ec::corrupt) {
    std::lock_guard guard{mutex_};
    stopped_ = why;
    status_.stopped = true;
    seen_.notify_all();
  }
  who_.failed(why);
}

// -- on any ----------------------------------------------------------------------------------

void registry_desk::commit(commit_request what, commit_store::callback then) {
  auto bytes = size_of(what);
  // Kept apart from the work, so that a refusal can be told to whoever asked.
  auto answer = std::make_shared<commit_store::callback>(std::move(then));
  auto work = [this, answer, what = std::move(what)]() mutable {
    if (engine_)
      engine_->commit(std::move(what), std::move(*answer));
    else
      (*answer)(fail(ec::shutting_down));
  };
  if (!run_(std::move(work), bytes))
    (*answer)(fail(ec::busy, "too many commits wait"));
}

bool registry_desk::count(const counter_key& of, const counter_amounts& amounts) {
  return ledger_.add(of, amounts);
}

void registry_desk::flush(std::function<void(result<void>)> then) {
  auto answer = std::make_shared<std::function<void(result<void>)>>(std::move(then));
  if (!run_([this, answer] { begin_flush(std::move(*answer)); }, 0))
    (*answer)(fail(ec::busy));
}

void registry_desk::begin_flush(std::function<void(result<void>)> then) {
  if (!engine_)
    return then(fail(ec::shutting_down));
  ledger_.hand_over(engine_->counters());
  flushes_.push_back({std::move(then), now_() + flush_patience});
  engine_->counters().flush([this] {
    ledger_.settle_all(engine_->counters());
    end_flushes({}, mono_time::max());
  });
}

void registry_desk::end_flushes(const result<void>& how, mono_time until) {
  std::list<flushing> over;
  for (auto at = flushes_.begin(); at != flushes_.end();) {
    auto next = std::next(at);
    if (at->until <= until)
      over.splice(over.end(), flushes_, at);
    at = next;
  }
  for (auto& x : over)
    x.then(how);
}

void registry_desk::reach(uint64_t revision) {
  // Many ask for the same; the thread is told once.
  auto before = wanted_.load();
  while (before < revision && !wanted_.compare_exchange_weak(before, revision)) {
  }
  if (before >= revision)
    return;
  run_(
      [this, revision] {
        if (engine_)
          engine_->reach(revision);
      },
      0);
}

registry_status registry_desk::status() const {
  auto waiting = ledger_.size();
  std::lock_guard guard{mutex_};
  auto made = status_;
  made.revision = revision();
  made.counters_waiting = waiting;
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now_() - synced_at_);
  made.lag = age >= lag_shown_from ? age : std::chrono::milliseconds{0};
  return made;
}

result<void> registry_desk::await_first_view(std::chrono::milliseconds timeout) {
  std::unique_lock guard{mutex_};
  for (auto read = keys_read_; !stopped_ && revision() == 0; read = keys_read_) {
    auto goes_on = [&] { return stopped_ || revision() != 0 || keys_read_ != read; };
    if (!seen_.wait_for(guard, timeout, goes_on))
      return fail(ec::unavailable,
                  "etcd shows no more of the registry than " + std::to_string(read) + " keys");
  }
  if (stopped_)
    return tl::unexpected(*stopped_);
  return {};
}

} // namespace shoal::cluster
