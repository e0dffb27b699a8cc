// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_calls.hpp"

#include "core/limits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace shoal::coordination {

namespace {

/// While the members elect a leader, all of them are asked again this often.
constexpr auto election_pause = std::chrono::milliseconds{100};

constexpr unsigned logins_per_call_max = 2;

} // namespace

struct etcd_calls::call {
  call(asio::io_context& io, question q, answered t)
      : what{std::move(q)}, then{std::move(t)}, timer{io} {}

  question what;
  answered then;
  asio::steady_timer timer;
  uint64_t id = 0;
  bool with_token = true;

  connection_ptr connection;
  bool has_place = false; ///< In the pool.
  bool reused = false;    ///< The connection carried others before.
  bool waits = false;     ///< For an answer.
  size_t endpoint = 0;
  std::string token;

  mono_time began;
  mono_time wake_at;
  etcd_endpoints::mask tried = 0;
  bool pausing = false;
  bool may_pause = false;  ///< A member had no leader: worth asking again.
  bool maybe_done = false; ///< At an earlier attempt.
  bool retried_stale = false;
  unsigned logins = 0;
  bool finished = false;
};

etcd_calls::etcd_calls(asio::io_context& io, asio::ssl::context tls, const etcd_config& cfg,
                       std::vector<etcd_endpoint> endpoints)
    : io_{io}, tls_{std::move(tls)}, cfg_{cfg}, endpoints_{std::move(endpoints)},
      pool_{cfg.connections}, login_{!cfg.user.empty(),
                                     [this](auto then) { log_in(std::move(then)); }} {}

void etcd_calls::refuse(answered then, error why) {
  asio::post(io_, [then = std::move(then), why = std::move(why)] { then(tl::unexpected(why)); });
}

void etcd_calls::ask(question what, answered then) {
  if (stopped_)
    refuse(std::move(then), {ec::shutting_down, {}});
  else if (calls_.size() >= limits::etcd_requests_max)
    refuse(std::move(then), {ec::unavailable, "too many requests to etcd at once"});
  else if (what.deadline <= mono_now())
    refuse(std::move(then), {ec::timeout, "the deadline was over before etcd was asked"});
  else
    begin(std::move(what), true, std::move(then));
}

void etcd_calls::begin(question what, bool with_token, answered then) {
  auto c = std::make_shared<call>(io_, std::move(what), std::move(then));
  c->id = next_id_++;
  c->with_token = with_token;
  c->began = mono_now();
  calls_.emplace(c->id, c);
  wake(c, c->what.deadline);
  advance(c);
}

/// The login is a call like others, but it needs no token and cannot be too many.
void etcd_calls::log_in(etcd_login::answered then) {
  auto patience = cfg_.connect_timeout + 2 * cfg_.answer_timeout;
  question what{etcd::path::authenticate, etcd::encode_credentials(cfg_.user, cfg_.password), true,
                mono_now() + patience};
  begin(std::move(what), false, [then = std::move(then)](result<std::string> body) {
    auto token = body ? etcd::decode_token(*body) : std::move(body);
    // Nothing that waits for the token was done.
    if (!token && (token.error().code == ec::timeout || token.error().code == ec::corrupt))
      token = fail(ec::unavailable, std::move(token.error().detail));
    then(std::move(token));
  });
}

void etcd_calls::advance(const call_ptr& c) {
  if (c->with_token && !login_.ready())
    return login_.wait([self = shared_from_this(), c](const result<void>& ready) {
      if (c->finished)
        return;
      if (ready)
        self->advance(c);
      else
        self->finish(c, tl::unexpected(ready.error()));
    });
  if (!pool_.has_room())
    return waiting_.push_back(c);
  auto endpoint = endpoints_.pick(c->tried);
  SHOAL_CHECK(endpoint);
  c->endpoint = *endpoint;
  c->has_place = true;
  c->connection = pool_.take(*endpoint);
  c->reused = c->connection != nullptr;
  if (c->reused)
    send(c);
  else
    connect(c, *endpoint);
}

std::shared_ptr<etcd_connection> etcd_calls::make_connection(size_t endpoint) {
  ++connects_;
  return std::make_shared<etcd_connection>(io_, tls_, endpoints_[endpoint]);
}

void etcd_calls::connect(const call_ptr& c, size_t endpoint) {
  c->connection = make_connection(endpoint);
  c->connection->open(cfg_.connect_timeout, [self = shared_from_this(), c](auto why) {
    if (c->finished)
      return;
    if (!why)
      return self->send(c);
    self->leave_connection(c, false);
    self->try_elsewhere(c, *why);
  });
}

void etcd_calls::send(const call_ptr& c) {
  c->token = c->with_token ? login_.token() : std::string{};
  c->waits = true;
  c->connection->ask({c->what.path, c->what.body, c->token},
                     [self = shared_from_this(), c](etcd_answer got) {
                       if (!c->finished)
                         self->on_answer(c, std::move(got));
                     });
  wake(c, std::min(c->what.deadline, mono_now() + cfg_.answer_timeout));
}

void etcd_calls::on_answer(const call_ptr& c, etcd_answer got) {
  auto was_reused = c->reused;
  leave_connection(c, true);
  if (got.what != etcd_answer::fate::answered) {
    c->maybe_done |= got.what == etcd_answer::fate::lost;
    return on_lost(c, got.why, was_reused);
  }
  if (got.status == 200 && !etcd::is_failure(got.body)) {
    endpoints_.worked(c->endpoint);
    return finish(c, std::move(got.body));
  }
  on_failure(c, etcd::decode_failure(got.status, got.body));
}

void etcd_calls::on_lost(const call_ptr& c, const error& why, bool was_reused) {
  if (c->what.repeatable && why.code == ec::too_large)
    return finish(c, tl::unexpected(why));
  if (c->maybe_done && !c->what.repeatable) {
    endpoints_.failed(c->endpoint, why);
    return finish(c, fail(ec::timeout, why.detail));
  }
  // The member may have restarted since: its endpoint is as good as any.
  if (was_reused && !std::exchange(c->retried_stale, true))
    return advance(c);
  try_elsewhere(c, why);
}

void etcd_calls::on_failure(const call_ptr& c, etcd::failure got) {
  switch (got.what) {
  case etcd::verdict::refused:
    endpoints_.worked(c->endpoint);
    return finish(c, tl::unexpected(std::move(got.why)));
  case etcd::verdict::token:
    if (!c->with_token || !login_.wanted() || c->logins++ >= logins_per_call_max)
      return finish(c, tl::unexpected(std::move(got.why)));
    login_.discard(c->token);
    return advance(c);
  case etcd::verdict::elsewhere:
    c->may_pause = true;
    return try_elsewhere(c, got.why);
  case etcd::verdict::unknown:
    c->maybe_done = true;
    if (c->what.repeatable)
      return try_elsewhere(c, got.why);
    endpoints_.failed(c->endpoint, got.why);
    return finish(c, tl::unexpected(std::move(got.why)));
  }
}

void etcd_calls::try_elsewhere(const call_ptr& c, const error& why) {
  endpoints_.failed(c->endpoint, why);
  c->tried |= etcd_endpoints::mask{1} << c->endpoint;
  if (endpoints_.pick(c->tried))
    return advance(c);
  if (c->may_pause && mono_now() < c->began + cfg_.answer_timeout) {
    c->tried = 0;
    c->pausing = true;
    wake(c, std::min(c->what.deadline, mono_now() + election_pause));
    return start_waiting();
  }
  endpoints_.none_left(why);
  finish(c, fail(c->maybe_done ? ec::timeout : ec::unavailable, why.detail));
}

void etcd_calls::wake(const call_ptr& c, mono_time at) {
  c->wake_at = at;
  c->timer.expires_at(at);
  c->timer.async_wait([self = shared_from_this(), c](const boost::system::error_code& why) {
    if (!why && !c->finished && mono_now() >= c->wake_at)
      self->on_wake(c);
  });
}

void etcd_calls::on_wake(const call_ptr& c) {
  if (mono_now() >= c->what.deadline)
    return finish(c, fail(ec::timeout, "no answer of etcd before the deadline"));
  if (std::exchange(c->pausing, false)) {
    wake(c, c->what.deadline);
    return advance(c);
  }
  on_silence(c);
}

void etcd_calls::on_silence(const call_ptr& c) {
  wake(c, c->what.deadline);
  if (!c->waits)
    return;
  error why{ec::unavailable, endpoints_[c->endpoint].authority() + ": no answer in time"};
  if (!c->what.repeatable) {
    // It waits on, but no longer in the way of those that go elsewhere.
    endpoints_.failed(c->endpoint, why);
    if (std::exchange(c->has_place, false))
      pool_.give_back(c->endpoint, nullptr);
    return start_waiting();
  }
  c->maybe_done = true;
  leave_connection(c, false);
  try_elsewhere(c, why);
}

void etcd_calls::leave_connection(const call_ptr& c, bool keep) {
  c->waits = false;
  auto used = std::exchange(c->connection, nullptr);
  if (!used)
    return;
  if (!keep || !c->has_place)
    used->close();
  if (std::exchange(c->has_place, false))
    pool_.give_back(c->endpoint, std::move(used));
}

void etcd_calls::finish(const call_ptr& c, result<std::string> outcome) {
  auto self = shared_from_this(); // The callback may end everything.
  auto keep = c;
  keep->finished = true;
  keep->timer.cancel();
  leave_connection(keep, false);
  calls_.erase(keep->id);
  start_waiting(); // Before the callback can ask again, and overtake them.
  std::exchange(keep->then, nullptr)(std::move(outcome));
}

void etcd_calls::start_waiting() {
  while (!waiting_.empty() && pool_.has_room()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next->finished)
      advance(next);
  }
}

void etcd_calls::stop() {
  stopped_ = true;
  pool_.close();
  waiting_.clear();
  while (!calls_.empty())
    finish(calls_.begin()->second, fail(ec::shutting_down, {}));
}

} // namespace shoal::coordination
