// SPDX-License-Identifier: Apache-2.0
#include "cluster/range_follower.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;

range_follower::range_follower(store& store, std::string prefix,
                               const std::function<mono_time()>& now, listener& who,
                               const config& settings)
    : store_{store}, first_{std::move(prefix)}, end_{prefix_end(first_)}, now_{now}, who_{who},
      config_{settings}, page_{settings.page} {}

void range_follower::advance() {
  if (phase_ != phase::idle || now_() < next_)
    return;
  watch_.reset();
  phase_ = phase::reading;
  ++round_;
  if (!must_read_ || read_to_.empty())
    begin_reading();
  if (witness_ && !config_.skips_resync) {
    ask_witness(0);
    return;
  }
  must_read_ |= !config_.skips_resync;
  read_page();
}

void range_follower::begin_reading() {
  read_at_ = 0;
  keys_.clear();
  read_to_.clear();
  newest_ = {};
}

void range_follower::resume(uint64_t revision, range_witness witness) {
  if (phase_ == phase::stopped)
    return;
  revision_ = revision;
  witness_ = std::move(witness);
  must_read_ = revision == 0;
  begin_reading();
  ++round_;
  try_later();
}

void range_follower::resync() {
  if (phase_ == phase::stopped)
    return;
  must_read_ = true;
  phase_ = phase::idle;
  begin_reading();
  ++round_;
}

void range_follower::try_later() {
  phase_ = phase::idle;
  delay_ = std::clamp(delay_ * 2, config_.retry_min, config_.retry_max);
  next_ = now_() + delay_;
}

void range_follower::stop(uint64_t from, uint64_t to) {
  phase_ = phase::stopped;
  who_.went_back(from, to);
}

// -- whether it is still the same history -------------------------------------------------

/// @param at_revision 0: now, which no compaction can refuse.
void range_follower::ask_witness(uint64_t at_revision) {
  store_.read({witness_.key, witness_.key + '\0', 1, at_revision}, now_() + config_.timeout,
              [this, round = round_, at_revision,
               alive = std::weak_ptr(alive_)](const result<range_page>& answer) {
                if (!alive.expired())
                  on_witness(round, at_revision, answer);
              });
}

void range_follower::on_witness(uint64_t round, uint64_t at_revision,
                                const result<range_page>& answer) {
  if (round != round_ || phase_ != phase::reading)
    return;
  bool is_compacted = !answer && at_revision != 0 && answer.error().code == ec::not_found;
  if (!answer && !is_compacted) {
    try_later();
    return;
  }
  // It was asked after `revision_` had been seen, and reads are linearizable.
  if (answer && at_revision == 0 && answer->revision < revision_) {
    stop(revision_, answer->revision);
    return;
  }
  if (answer && at_revision == 0)
    etcd_at_ = answer->revision;
  const auto* found = answer && !answer->keys.empty() ? &answer->keys.front() : nullptr;
  bool is_there = found && witness_.is(*found);
  // What has been overwritten or erased since may have been there.
  bool is_past = at_revision == 0 && (!found || found->mod_revision > witness_.revision);
  if (!is_there && !is_past && !is_compacted) {
    stop(witness_.revision, etcd_at_);
    return;
  }
  // A witness that is not sharp says nothing of what was erased before its revision was read: the
  // backup may have it still.
  must_read_ |= is_compacted || !witness_.is_sharp();
  if (must_read_) {
    read_page();
  } else if (!is_there) {
    ask_witness(witness_.revision);
  } else {
    ++resumptions_;
    start_watch();
    who_.resumed();
  }
}

// -- reading ------------------------------------------------------------------------------

void range_follower::read_page() {
  // To take up a watch, the revision is enough: it might wait for one of a lost future for ever.
  range_query query{first_, end_, must_read_ ? page_ : 1, read_at_};
  if (!read_to_.empty())
    query.first = read_to_ + '\0';
  store_.read(std::move(query), now_() + config_.timeout,
              [this, round = round_, alive = std::weak_ptr(alive_)](result<range_page> answer) {
                if (!alive.expired())
                  on_page(round, std::move(answer));
              });
}

/// The page may be too large for an etcd that has much to do. Those that came stay good, unless
/// etcd does not have their revision: any more, or, restored from a backup, yet.
void range_follower::on_page_failed(const error& why) {
  page_ = std::max(page_ / 2, std::min(config_.page_min, config_.page));
  if (why.code != ec::unavailable && why.code != ec::timeout)
    begin_reading();
  try_later();
}

void range_follower::on_page(uint64_t round, result<range_page> answer) {
  if (round != round_ || phase_ != phase::reading)
    return;
  if (!answer) {
    on_page_failed(answer.error());
    return;
  }
  if (answer->revision < revision_) { // As above.
    stop(revision_, answer->revision);
    return;
  }
  if (!must_read_) { // Only if broken on purpose.
    ++resumptions_;
    start_watch();
    return;
  }
  delay_ = {};
  if (read_at_ == 0) // Later pages are of this revision, whatever etcd's is by then.
    read_at_ = answer->revision;
  keys_read_ += answer->keys.size();
  bool more = answer->more && !answer->keys.empty();
  bool first = read_to_.empty();
  for (const auto& kv : answer->keys)
    if (kv.mod_revision > newest_.revision)
      newest_ = range_witness::of(kv, read_at_);
  read_to_ = more ? answer->keys.back().key : std::string{};
  if (!who_.takes_pages())
    std::move(answer->keys.begin(), answer->keys.end(), std::back_inserter(keys_));
  else
    who_.page(read_at_, answer->keys, first);
  if (round != round_) // The listener wants it otherwise.
    return;
  if (more) {
    read_page();
    return;
  }
  finish_reading();
}

void range_follower::finish_reading() {
  revision_ = read_at_;
  witness_ = std::move(newest_);
  must_read_ = false;
  page_ = config_.page;
  ++resyncs_;
  auto keys = std::exchange(keys_, {});
  begin_reading();
  start_watch();
  who_.replaced(revision_, keys);
}

void range_follower::start_watch() {
  phase_ = phase::following;
  auto from = (witness_ && !config_.skips_resync ? witness_.since : revision_) + 1;
  watch_ = store_.follow(first_, end_, std::exchange(from_now_, false) ? 0 : from, *this);
}

void range_follower::started(uint64_t revision) {
  delay_ = {};
  if (config_.skips_resync)
    revision_ = std::max(revision_, revision);
}

void range_follower::changed(uint64_t revision, std::span<const watch_event> events) {
  if (phase_ != phase::following || (events.empty() && revision < revision_))
    return;
  // The backup had all of the view, but since then it was not so quiet as that had it.
  if (!events.empty() && events.front().kv.mod_revision <= revision_) {
    must_read_ = true;
    try_later();
    return;
  }
  revision_ = revision;
  if (!events.empty())
    witness_ = range_witness::of(events);
  who_.changed(revision, events);
}

void range_follower::lost(const error& why) {
  if (phase_ != phase::following)
    return;
  begin_reading();
  must_read_ = why.code != ec::unavailable && !config_.skips_resync;
  from_now_ = why.code != ec::unavailable && config_.skips_resync;
  try_later();
}

} // namespace shoal::cluster
