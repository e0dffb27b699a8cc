// SPDX-License-Identifier: Apache-2.0
// What a link carries once it is up: requests, answers and notices, and the room for them.
#include "cluster/link_session.hpp"
#include "core/limits.hpp"

#include <algorithm>
#include <utility>

namespace shoal::cluster {

namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;

constexpr size_t batch_bytes = 256 * 1024;

} // namespace

// -- out --------------------------------------------------------------------------

void link_session::call(uint16_t kind, std::string body, mono_time deadline, links::callback then,
                        mono_time now) {
  now_ = now;
  if (state_ != state::up)
    return then(fail(ec::unavailable, "the link is down"));
  if (deadline <= now)
    return then(fail(ec::unavailable, "too late to ask '" + numbers_.node + '\''));
  if (body.size() > limits::link_body_bytes_max)
    return then(fail(ec::too_large, "a message of " + std::to_string(body.size()) + " bytes"));
  if (pending_.size() >= limits::link_requests_max || !asks_.has_room(body.size()))
    return then(fail(ec::busy, "too much waits for '" + numbers_.node + '\''));
  deadline = std::min(deadline, now + plan_.timing.deadline_max);
  auto id = ++last_id_;
  auto& item
      = asks_.push({link_item::what::request, id, kind, {}, std::move(body), deadline, 0, false});
  pending_.emplace(id, pending{std::move(then), deadline, &item});
  pending_times_.emplace(deadline, id);
  wake();
}

bool link_session::tell(uint16_t kind, std::string body) {
  if (state_ != state::up || body.size() > limits::link_body_bytes_max
      || !asks_.has_room(body.size()))
    return false;
  asks_.push({link_item::what::notice, 0, kind, {}, std::move(body), {}, 0, false});
  wake();
  return true;
}

/// What a request costs is given back when its answer leaves: so whoever takes no answers runs out
/// of room for requests, and the queue of answers is bounded.
void link_session::answer(uint64_t id, result<std::string> what) {
  auto found = open_.find(id);
  if (found == open_.end())
    return;
  auto cost = found->second.cost;
  open_times_.erase({found->second.deadline, id});
  open_.erase(found);
  if (!what)
    return push_failure(id, cost, what.error().code, std::move(what.error().detail));
  // What was asked is done: whoever asked must not believe that it is not.
  if (what->size() > limits::link_body_bytes_max)
    return push_failure(id, cost, ec::timeout,
                        "the answer has " + std::to_string(what->size()) + " bytes");
  if (!answers_.has_room(what->size()))
    return push_failure(id, cost, ec::timeout, "too many answers wait");
  answers_.push({link_item::what::answer, id, 0, {}, std::move(*what), {}, cost, false});
  wake();
}

void link_session::push_failure(uint64_t id, uint64_t cost, ec code, std::string text) {
  text.resize(answers_.has_room(text.size()) ? std::min(text.size(), limits::link_text_bytes_max)
                                             : 0);
  answers_.push({link_item::what::failure, id, 0, code, std::move(text), {}, cost, false});
  wake();
}

void link_session::say_credit() {
  if (state_ == state::up && (asked_.is_due() || answered_.is_due()))
    say(link_credit{asked_.tell(), answered_.tell()});
}

void link_session::put(const link_item& x, std::string& out, mono_time now) {
  asked_.dealt_with(x.request_cost);
  switch (x.form) {
  case link_item::what::request: {
    pending_.find(x.id)->second.queued = nullptr;
    auto left = ceil<milliseconds>(std::max(x.deadline - now, mono_time::duration{0}));
    encode(link_request{x.id, static_cast<uint32_t>(left.count()), x.kind, x.body}, out);
    break;
  }
  case link_item::what::notice:
    encode(link_notice{x.kind, x.body}, out);
    break;
  case link_item::what::answer:
    encode(link_answer{x.id, x.body}, out);
    break;
  case link_item::what::failure:
    encode(link_failure{x.id, x.code, x.body}, out);
    break;
  }
}

void link_session::take_output(std::string& out, mono_time now) {
  auto before = out.size();
  out += std::exchange(control_, {});
  if (state_ == state::up && echo_)
    encode(link_heartbeat{*std::exchange(echo_, std::nullopt), true}, out);
  // Turn by turn, so that neither lane keeps the other waiting.
  auto more = state_ == state::up;
  while (more && out.size() - before < batch_bytes) {
    more = false;
    for (auto* lane : {&answers_, &asks_})
      if (auto x = lane->next()) {
        put(*x, out, now);
        more = true;
      }
  }
  numbers_.bytes_out += out.size() - before;
  say_credit();
}

// -- in ---------------------------------------------------------------------------

bool link_session::take_in(link_intake& lane, size_t body_bytes) {
  if (state_ == state::up && lane.received(link_cost(body_bytes)))
    return true;
  wrong(state_ == state::up ? "more than the window allows" : "a message before the greeting");
  return false;
}

void link_session::on(const link_request& x) {
  if (!take_in(asked_, x.body.size()))
    return;
  if (x.id <= last_other_id_)
    return wrong("a request's number does not grow");
  last_other_id_ = x.id;
  if (open_.size() >= limits::link_requests_max) {
    return push_failure(x.id, link_cost(x.body.size()), ec::busy, "too many requests");
  }
  auto deadline = now_ + std::min(milliseconds{x.budget_ms}, plan_.timing.deadline_max);
  open_.emplace(x.id, opened{link_cost(x.body.size()), deadline});
  open_times_.emplace(deadline, x.id);
  owner_.request(*this, x.id, {hello_.node, x.kind, x.body, deadline, true});
}

void link_session::on(const link_notice& x) {
  if (!take_in(asked_, x.body.size()))
    return;
  owner_.notice(*this, {hello_.node, x.kind, x.body, {}, false});
  asked_.dealt_with(link_cost(x.body.size()));
  say_credit();
}

void link_session::on(const link_answer& x) {
  answered(x.id, x.body.size(), std::string{x.body});
}

void link_session::on(const link_failure& x) {
  answered(x.id, x.text.size(), fail(x.code, std::string{x.text}));
}

void link_session::answered(uint64_t id, size_t body_bytes, result<std::string> what) {
  if (!take_in(answered_, body_bytes))
    return;
  auto found = pending_.find(id);
  if (found == pending_.end() ? id > last_id_ : found->second.queued != nullptr)
    return wrong("an answer to what nobody asked");
  answered_.dealt_with(link_cost(body_bytes));
  say_credit();
  if (found == pending_.end()) {
    ++numbers_.late_answers;
    return;
  }
  auto then = std::move(found->second.then);
  pending_times_.erase({found->second.deadline, id});
  pending_.erase(found);
  then(std::move(what));
}

void link_session::on(const link_credit& x) {
  if (state_ != state::up || !asks_.acknowledge(x.asks) || !answers_.acknowledge(x.answers))
    return wrong("credit for what was not sent");
  wake();
}

// -- the end ----------------------------------------------------------------------

void link_session::expire_calls() {
  while (!pending_times_.empty() && pending_times_.begin()->first <= now_) {
    auto found = pending_.find(pending_times_.begin()->second);
    pending_times_.erase(pending_times_.begin());
    auto gone = std::move(found->second);
    pending_.erase(found);
    if (gone.queued)
      asks_.drop(*gone.queued);
    auto text = '\'' + numbers_.node + "' does not answer in time";
    gone.then(gone.queued ? fail(ec::unavailable, "not sent: " + text) : fail(ec::timeout, text));
  }
}

/// Nobody waits for these any more, and they must not keep the sender's credit.
void link_session::expire_requests() {
  while (!open_times_.empty() && open_times_.begin()->first <= now_) {
    auto found = open_.find(open_times_.begin()->second);
    open_times_.erase(open_times_.begin());
    asked_.dealt_with(found->second.cost);
    open_.erase(found);
  }
  say_credit();
}

void link_session::fail_all(const error& why) {
  pending_times_.clear();
  open_times_.clear();
  open_.clear();
  auto all = std::exchange(pending_, {});
  std::vector<uint64_t> ids;
  for (auto& [id, one] : all)
    ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (auto id : ids) {
    auto& one = all.at(id);
    if (one.queued)
      one.then(fail(ec::unavailable, "not sent: " + why.detail));
    else
      one.then(fail(ec::timeout, "no answer: " + why.detail));
  }
}

} // namespace shoal::cluster
