// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_commit_store.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;
using state = commit_member::state;

etcd_commit_store::etcd_commit_store(store& store, copy_progress& copy, slot_guard guard,
                                     const std::function<mono_time()>& now,
                                     const etcd_commit_config& config)
    : store_{store}, copy_{copy}, guard_{std::move(guard)}, now_{now}, config_{config},
      keys_{config.prefix} {
  for (size_t i = 0; i < config_.lanes; ++i)
    lanes_.push_back(std::make_unique<commit_lane>(
        store_, now_,
        commit_lane::settings{keys_.lane(config_.node, i), config_.incarnation, config_.timeout,
                              std::chrono::milliseconds{100}, config_.broken, config_.meters}));
}

etcd_commit_store::~etcd_commit_store() {
  alive_.reset();
  lanes_.clear();
  for (auto& m : std::exchange(open_, {})) {
    copy_.forget(m->waits);
    if (m->at != state::answered)
      m->then(fail(ec::shutting_down, "the commit may or may not happen"));
  }
}

/// All lanes ask in vain what became of their transactions.
bool etcd_commit_store::is_away() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& l) { return l->is_lost(); });
}

std::optional<error> etcd_commit_store::refuse(const commit_member& m) const {
  auto operations = std::max(m.compares, m.writes);
  if (operations > config_.group_operations_max || m.bytes > config_.write_bytes_max)
    return error{ec::too_large, "a commit has " + std::to_string(operations) + " keys and "
                                    + std::to_string(m.bytes) + " bytes"};
  if (stats_.open >= config_.queue_max || stats_.bytes + m.bytes > config_.queue_bytes_max)
    return error{ec::busy, "the commit queue is full"};
  if (m.what.slot && !guard_(*m.what.slot))
    return error{ec::not_owner, "slot " + std::to_string(*m.what.slot)};
  if (is_away())
    return error{ec::unavailable, "etcd does not answer"};
  return std::nullopt;
}

void etcd_commit_store::commit(durable_write what, callback then) {
  if (config_.broken == flaw::guards_dropped)
    what.request.guards.clear();
  auto made = make_member(std::move(what), keys_);
  auto refusal = made ? refuse(**made) : std::optional{made.error()};
  if (refusal) {
    result<uint64_t> outcome = tl::unexpected(std::move(*refusal));
    if (config_.meters)
      config_.meters->answered(outcome, {});
    then(std::move(outcome));
    return;
  }
  auto& m = *made;
  m->then = std::move(then);
  m->came = now_();
  m->send_by = m->came + config_.patience;
  m->answer_by = m->came + config_.answer_patience;
  stats_.bytes += m->bytes;
  ++stats_.open;
  open_.push_back(m);
  queue_.push_back(std::move(m));
  dispatch();
}

void etcd_commit_store::advance() {
  for (auto& lane : lanes_)
    lane->advance();
  auto now = now_();
  for (auto* all : {&open_, &queue_})
    std::erase_if(*all, [](const auto& m) { return m->at == state::answered; });
  std::vector<commit_member_ptr> late;
  for (const auto& m : open_)
    if (now >= (m->at == state::queued ? m->send_by : m->answer_by))
      late.push_back(m);
  for (const auto& m : late) {
    if (m->at == state::queued)
      answer(m, fail(ec::unavailable, "etcd did not answer in time"));
    else if (m->at == state::sent && m->refusal)
      answer(m, tl::unexpected(*m->refusal));
    else if (m->at == state::sent)
      answer(m, fail(ec::timeout, "the commit may or may not happen"));
  }
  dispatch();
}

// -- on the way to etcd -------------------------------------------------------------------

/// What waits a little makes fewer and larger transactions, which cost etcd, and everybody who
/// follows it, much less than many small ones. (`tests/bench/cluster --rows commits`)
bool etcd_commit_store::may_go_now() {
  auto under_way = [](const auto& l) { return !l->is_idle() && !l->is_lost(); };
  if (std::none_of(lanes_.begin(), lanes_.end(), under_way))
    return !is_gathering();
  return queue_.size() >= config_.beside_min || now_() - sent_last_ >= config_.beside_after;
}

/// Without this the first who writes again would go alone, and all others wait for that.
bool etcd_commit_store::is_gathering() {
  auto is_alone = !config_.later || shared_last_ < config_.gather_min;
  if (is_alone || queue_.size() >= shared_last_) {
    gathers_until_.reset();
    return false;
  }
  auto now = now_();
  if (!gathers_until_) {
    auto part = std::chrono::duration_cast<std::chrono::microseconds>(took_last_ / 4);
    auto span = std::clamp(part, std::chrono::microseconds{1000}, config_.gather_max);
    gathers_until_ = now + span;
    config_.later(span, [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired())
        dispatch();
    });
  }
  if (now < *gathers_until_)
    return true;
  gathers_until_.reset();
  return false;
}

void etcd_commit_store::dispatch() {
  for (auto& lane : lanes_) {
    if (!lane->is_idle())
      continue;
    if (queue_.empty() || !may_go_now())
      break;
    auto group = gather();
    if (group.is_empty())
      break;
    send(*lane, std::move(group));
  }
  // Only now: whoever hears it may ask for more.
  for (const auto& m : std::exchange(disowned_, {}))
    answer(m, fail(ec::not_owner));
}

/// Takes along what goes together, in the order in which it came; what has to wait keeps others
/// from overtaking it on its keys.
commit_group etcd_commit_store::gather() {
  commit_group group{keys_, {config_.group_operations_max, config_.group_bytes_max}};
  key_locks passed;
  size_t looked_at = 0;
  auto now = now_();
  for (auto it = queue_.begin(); it != queue_.end() && looked_at < config_.window;) {
    const auto& m = *it;
    if (m->at == state::answered) {
      it = queue_.erase(it);
      continue;
    }
    ++looked_at;
    if (now >= m->send_by) { // `advance` answers it.
      ++it;
      continue;
    }
    auto guard = m->what.slot ? guard_(*m->what.slot) : std::nullopt;
    if (m->what.slot && !guard) {
      disowned_.push_back(m);
      it = queue_.erase(it);
      continue;
    }
    if (config_.broken == flaw::writes_unguarded)
      guard.reset();
    bool may_go = locks_.is_free(m->keys) && passed.is_free(m->keys);
    passed.take(m->keys);
    if (!may_go || (m->alone && !group.is_empty())) {
      ++it;
      continue;
    }
    if (!group.add(m, guard))
      break;
    bool was_alone = m->alone;
    it = queue_.erase(it);
    if (was_alone)
      break;
  }
  return group;
}

void etcd_commit_store::send(commit_lane& lane, commit_group group) {
  sent_last_ = now_();
  ++stats_.transactions;
  stats_.shared += group.members().size();
  for (const auto& m : group.members()) {
    m->at = state::sent;
    locks_.take(m->keys);
  }
  auto what = group.make();
  lane.send(std::move(what), [this, group = std::move(group)](commit_lane::ending how) {
    on_ending(group, std::move(how));
  });
}

// -- and back -------------------------------------------------------------------------------

void etcd_commit_store::on_ending(const commit_group& group, commit_lane::ending how) {
  auto& members = group.members();
  for (const auto& m : members)
    locks_.release(m->keys);
  // Of one that was refused, the innocent go again: nobody else is waited for.
  shared_last_ = how.outcome && how.outcome->succeeded ? members.size() : 0;
  took_last_ = now_() - sent_last_;
  if (how.outcome && !how.outcome->succeeded) {
    ++stats_.failed;
    on_conditions(group, *how.outcome);
  } else if (how.outcome) {
    for (const auto& m : members)
      settle(m, how.outcome->revision, how.outcome->revision);
  } else if (how.again) {
    go_again(group, std::vector<bool>(members.size(), true));
  } else if (members.size() > 1 && how.outcome.error().code != ec::unavailable
             && how.outcome.error().code != ec::timeout) {
    // Together they are too large, or one of them is what etcd cannot take.
    for (const auto& m : members)
      m->alone = true;
    go_again(group, std::vector<bool>(members.size(), true));
  } else {
    for (const auto& m : members)
      answer(m, tl::unexpected(how.outcome.error()));
  }
  dispatch();
}

void etcd_commit_store::on_conditions(const commit_group& group, const transaction_result& failed) {
  auto verdicts = group.judge(failed);
  std::vector<bool> innocent;
  for (const auto& v : verdicts)
    innocent.push_back(!v.outcome);
  go_again(group, innocent);
  for (size_t i = 0; i < verdicts.size(); ++i)
    if (verdicts[i].outcome)
      settle(group.members()[i], *verdicts[i].outcome, verdicts[i].seen);
}

/// Back to the head of the queue, in their order.
void etcd_commit_store::go_again(const commit_group& group, const std::vector<bool>& which) {
  for (size_t i = group.members().size(); i-- > 0;) {
    auto& m = group.members()[i];
    if (!which[i] || m->at == state::answered)
      continue;
    m->at = state::queued;
    queue_.push_front(m);
  }
}

/// Answers once the copy is far enough.
void etcd_commit_store::settle(const commit_member_ptr& m, result<uint64_t> outcome,
                               uint64_t seen) {
  if (!outcome)
    m->refusal = outcome.error();
  if (config_.broken == flaw::acks_unapplied)
    seen = 0;
  copy_.reach(seen); // What erases keys that are not there makes no event that would tell.
  auto waits
      = copy_.await(seen, [this, m, outcome = std::move(outcome), alive = std::weak_ptr(alive_)] {
          if (!alive.expired())
            answer(m, outcome);
        });
  if (m->at != state::answered)
    m->waits = waits;
  else
    copy_.forget(waits); // It was late already.
}

void etcd_commit_store::answer(const commit_member_ptr& m, result<uint64_t> outcome) {
  if (std::exchange(m->at, state::answered) == state::answered)
    return;
  stats_.bytes -= m->bytes;
  --stats_.open;
  stats_.unknown += !outcome && outcome.error().code == ec::timeout;
  if (config_.meters)
    config_.meters->answered(outcome, now_() - m->came);
  copy_.forget(std::exchange(m->waits, {}));
  auto then = std::exchange(m->then, nullptr);
  then(std::move(outcome));
}

etcd_commit_stats etcd_commit_store::stats() const {
  auto all = stats_;
  all.queued = static_cast<size_t>(std::count_if(
      queue_.begin(), queue_.end(), [](const auto& m) { return m->at == state::queued; }));
  for (const auto& lane : lanes_) {
    all.lanes_busy += !lane->is_idle();
    all.lanes_lost += lane->is_lost();
  }
  return all;
}

} // namespace shoal::cluster
