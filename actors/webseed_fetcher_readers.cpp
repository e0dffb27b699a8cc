// SPDX-License-Identifier: Apache-2.0
// Who reads a file while it comes.
#include "actors/error.hpp"
#include "actors/webseed_fetcher.hpp"
#include "core/defaults.hpp"
#include "core/limits.hpp"

namespace shoal {

void webseed_fetcher::plan_reader(reader& r) {
  r.planned = plan_->add_reader(r.offset, r.length, mono_now());
  r.is_planned = true;
}

uint32_t webseed_fetcher::chunk_at(uint64_t offset) const {
  return file_ ? static_cast<uint32_t>(offset / file_->bytes().chunk_bytes()) : 0;
}

webseed_fetcher::promise webseed_fetcher::on_read(const read_pull& ask) {
  auto answer = make_response_promise<promise>();
  if (phase_ == phase::failed || ask.offset >= spec_.size_bytes || ask.length == 0) {
    answer.deliver(to_caf(phase_ == phase::failed ? why_ : error{ec::range_unsatisfiable, {}}));
    return answer;
  }
  auto id = ask.reader;
  if (id == 0 && side_.readers >= limits::webseed_readers_max) {
    answer.deliver(to_caf({ec::busy, "too many clients read files on their way"}));
    return answer;
  }
  if (id == 0) {
    id = ++last_reader_;
    ++side_.readers;
    auto& made = readers_[id];
    made.offset = ask.offset;
    made.length = ask.length;
    if (plan_)
      plan_reader(made);
  }
  waiter w{answer, id, ask.offset, ask.length, mono_now() + defaults::webseed_read_patience};
  if (file_ && file_->ready_from(ask.offset, ask.length) > 0) {
    this->answer(w);
  } else {
    ++side_.waiting;
    waiting_.emplace(chunk_at(ask.offset), std::move(w));
    pump();
  }
  return answer;
}

/// Who gets no bytes does not get the file either: it may be begun anew, and its room is needed.
void webseed_fetcher::answer(waiter& w) {
  if (phase_ == phase::failed) {
    w.answer.deliver(to_caf(why_));
    return;
  }
  pull_progress said;
  said.reader = w.reader;
  if (file_) {
    said.ready_bytes = file_->ready_from(w.offset, w.length);
    said.come_bytes = file_->bytes().ready_bytes();
  }
  if (said.ready_bytes > 0)
    said.file = file_;
  w.answer.deliver(std::move(said));
}

void webseed_fetcher::serve(uint32_t chunk) {
  auto [first, last] = waiting_.equal_range(chunk);
  for (auto it = first; it != last;) {
    if (file_->ready_from(it->second.offset, it->second.length) == 0) {
      ++it;
      continue;
    }
    answer(it->second);
    it = waiting_.erase(it);
    --side_.waiting;
  }
}

/// Those who have what they wait for, or will never have it.
void webseed_fetcher::serve_all() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    auto ready = phase_ == phase::failed
                 || (file_ && file_->ready_from(it->second.offset, it->second.length) > 0);
    if (ready) {
      answer(it->second);
      --side_.waiting;
    }
    it = ready ? waiting_.erase(it) : std::next(it);
  }
}

/// Those whose next chunk was given up, while others still come.
void webseed_fetcher::refuse_stuck() {
  if (phase_ != phase::pulling || plan_->given_up().empty())
    return;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    auto known = readers_.find(it->second.reader);
    auto is_stuck = known != readers_.end() && plan_->is_stuck(known->second.planned);
    if (is_stuck) {
      it->second.answer.deliver(to_caf(last_failure_));
      --side_.waiting;
    }
    it = is_stuck ? waiting_.erase(it) : std::next(it);
  }
}

void webseed_fetcher::on_leave(const leave_pull& x) {
  auto found = readers_.find(x.reader);
  if (found == readers_.end())
    return;
  if (plan_ && found->second.is_planned)
    plan_->remove_reader(found->second.planned);
  readers_.erase(found);
  --side_.readers;
}

} // namespace shoal
