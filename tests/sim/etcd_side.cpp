// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/etcd_side.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace coordination;
using namespace std::chrono_literals;

// -- the way there and back -------------------------------------------------------------

void etcd_side::on_node(std::function<void()> what) {
  if (!closed)
    node.run([self = shared_from_this(), what = std::move(what)] {
      if (!self->closed)
        what();
    });
}

void etcd_side::send(std::function<void()> at_model, std::function<void()> refused) {
  auto& random = model.time_.random;
  auto self = shared_from_this();
  if (cut_there) {
    auto fate = random.below(3);
    if (fate == 0) // No connection, and the node knows.
      model.time_.after(random.between(1ms, 2s), [self, refused] { self->on_node(refused); });
    else if (fate == 1)
      held_there.push_back([self, at_model, refused] { self->arrive(at_model, refused); });
    return;
  }
  if (!random.chance(model.faults_.lost))
    model.time_.after(model.trip(), [self, at_model, refused] { self->arrive(at_model, refused); });
}

void etcd_side::arrive(std::function<void()> at_model, std::function<void()> refused) {
  if (model.available_) {
    at_model();
    return;
  }
  auto fate = model.time_.random.below(3);
  if (fate == 0)
    answer(std::move(refused));
  else if (fate == 1)
    model.held_.push_back(
        [self = shared_from_this(), at_model, refused] { self->arrive(at_model, refused); });
}

void etcd_side::answer(std::function<void()> what) {
  if (closed)
    return;
  auto& random = model.time_.random;
  auto arrived = [self = shared_from_this(), what] { self->on_node(what); };
  if (cut_back) {
    if (random.chance(500))
      held_back.push_back(arrived);
    return;
  }
  if (!random.chance(model.faults_.lost))
    model.time_.after(model.trip(), arrived);
}

void etcd_side::cut(bool there, bool back) {
  cut_there = there;
  cut_back = back;
  auto release = [this](auto& held) {
    for (auto& what : std::exchange(held, {}))
      model.time_.after(model.trip(), std::move(what));
  };
  if (!there)
    release(held_there);
  if (!back)
    release(held_back);
  if (!there && !back) {
    pump();
    return;
  }
  // The node's end may notice that a watch has died, or wait for ever without a word.
  auto& random = model.time_.random;
  for (auto& weak : watches)
    if (auto w = weak.lock(); w && random.chance(500))
      model.time_.after(random.between(100ms, 5s), [this, w, self = shared_from_this()] {
        if (cut_there || cut_back)
          w->lose(ec::unavailable);
      });
}

void etcd_side::pump() {
  std::erase_if(watches, [](const auto& w) { return w.expired(); });
  for (auto& weak : watches)
    if (auto w = weak.lock())
      w->pump();
}

void etcd_side::break_watches() {
  for (auto& weak : watches)
    if (auto w = weak.lock())
      model.time_.after(model.trip(), [w] { w->lose(ec::unavailable); });
}

// -- watches ----------------------------------------------------------------------------

void etcd_watch::tell(std::function<void(watcher&)> what) {
  if (auto s = side.lock())
    s->on_node([self = shared_from_this(), what = std::move(what)] {
      if (self->who)
        what(*self->who);
    });
}

void etcd_watch::lose(ec code) {
  if (std::exchange(lost, true))
    return;
  tell([self = shared_from_this(), code](watcher&) {
    std::exchange(self->who, nullptr)->lost({code, "watch"});
  });
}

void etcd_watch::establish() {
  auto s = side.lock();
  if (!s || lost)
    return;
  auto& state = s->model.state_;
  if (next == 0)
    next = state.revision() + 1;
  if (next <= state.compacted()) {
    lose(ec::not_found);
    return;
  }
  if (s->cut_back) {
    lose(ec::unavailable);
    return;
  }
  established = true;
  tell([revision = next - 1](watcher& w) { w.started(revision); });
  pump();
}

void etcd_watch::pump() {
  auto s = side.lock();
  if (!s || !established || lost || under_way || s->cut_back || !s->model.available_)
    return;
  auto& state = s->model.state_;
  if (next > state.revision())
    return;
  if (next <= state.compacted()) {
    lose(ec::not_found);
    return;
  }
  std::vector<watch_event> events;
  auto& history = state.history(); // One change for each revision.
  for (auto at = next - history.front().revision; at < history.size(); ++at)
    for (const auto& e : history[at].events)
      if (in_range(e.kv.key, first, end))
        events.push_back(e);
  next = state.revision() + 1;
  // etcd says now and then where a quiet range stands.
  if (events.empty() && !s->model.time_.random.chance(50))
    return;
  under_way = true;
  s->model.time_.after(s->model.trip(), [self = shared_from_this(), s, upto = state.revision(),
                                         events = std::move(events)] {
    if (s->cut_back) { // The connection is dead; what was on it is gone.
      self->lose(ec::unavailable);
      return;
    }
    self->tell([upto, events](watcher& w) { w.changed(upto, events); });
    self->under_way = false;
    self->pump();
  });
}

// -- the store --------------------------------------------------------------------------

namespace {

/// Twice `etcd_config::watch_check`.
constexpr duration watch_patience = 4s;

template <class T>
struct typed_question final : etcd_question {
  explicit typed_question(store::callback<T> f) : then{std::move(f)} {}

  void fail_with(ec code) override { finish(fail(code, "etcd")); }

  void finish(result<T> value) {
    if (auto f = std::exchange(then, nullptr))
      f(std::move(value));
  }

  store::callback<T> then;
};

/// Asks the model something, by its deadline.
template <class T>
void ask(etcd_side& side, mono_time deadline, store::callback<T> then,
         std::function<result<T>(etcd_model&)> what) {
  auto question = std::make_shared<typed_question<T>>(std::move(then));
  auto self = side.shared_from_this();
  std::erase_if(side.questions, [](const auto& q) { return q.expired(); });
  side.questions.push_back(question);
  side.model.time().at(side.node.true_time(deadline), [self, question] {
    if (question->then)
      self->on_node([question] { question->fail_with(ec::timeout); });
  });
  side.send(
      [self, question, what = std::move(what)] {
        self->answer([question, value = what(self->model)] { question->finish(value); });
      },
      [question] { question->fail_with(ec::unavailable); });
}

class watch_handle final : public watch {
public:
  explicit watch_handle(std::shared_ptr<etcd_watch> w) : watch_{std::move(w)} {}
  ~watch_handle() override {
    watch_->who = nullptr;
    watch_->lost = true;
  }

private:
  std::shared_ptr<etcd_watch> watch_;
};

} // namespace

etcd_link::~etcd_link() {
  side_->closed = true;
  // What had not left yet never does.
  side_->held_there.clear();
  side_->held_back.clear();
  for (auto& weak : std::exchange(side_->questions, {}))
    if (auto q = weak.lock())
      q->fail_with(ec::shutting_down);
}

void etcd_link::cut(bool there, bool back) {
  side_->cut(there, back);
}

void etcd_link::commit(transaction what, mono_time deadline, callback<transaction_result> then) {
  ask<transaction_result>(*side_, deadline, std::move(then),
                          [what = std::move(what)](etcd_model& m) { return m.commit(what); });
}

void etcd_link::read(range_query what, mono_time deadline, callback<range_page> then) {
  ask<range_page>(*side_, deadline, std::move(then),
                  [what = std::move(what)](etcd_model& m) { return m.state().read(what); });
}

void etcd_link::grant(uint32_t ttl_s, mono_time deadline, callback<lease_id> then) {
  ask<lease_id>(*side_, deadline, std::move(then),
                [ttl_s](etcd_model& m) { return m.grant(ttl_s); });
}

void etcd_link::keep_alive(lease_id lease, mono_time deadline, callback<uint32_t> then) {
  ask<uint32_t>(*side_, deadline, std::move(then),
                [lease](etcd_model& m) { return m.keep_alive(lease); });
}

void etcd_link::revoke(lease_id lease, mono_time deadline, callback<uint64_t> then) {
  ask<uint64_t>(*side_, deadline, std::move(then),
                [lease](etcd_model& m) { return m.revoke(lease); });
}

std::unique_ptr<watch> etcd_link::follow(std::string first, std::string end, uint64_t from_revision,
                                         watcher& who) {
  auto made
      = std::make_shared<etcd_watch>(side_, std::move(first), std::move(end), from_revision, who);
  side_->watches.push_back(made);
  side_->send([made] { made->establish(); },
              [made] {
                made->lost = true;
                if (auto* w = std::exchange(made->who, nullptr))
                  w->lost({ec::unavailable, "watch"});
              });
  // A request for a watch that got lost is noticed after two looks, as `etcd_watch` takes them.
  side_->model.time().after(watch_patience, [made] {
    if (!made->established)
      made->lose(ec::unavailable);
  });
  return std::make_unique<watch_handle>(std::move(made));
}

} // namespace shoal::sim
