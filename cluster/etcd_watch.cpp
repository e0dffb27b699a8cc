// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_watch.hpp"

#include "core/limits.hpp"

#include <utility>

namespace shoal::coordination {

namespace {

constexpr unsigned logins_max = 2;

} // namespace

etcd_watch::etcd_watch(asio::io_context& io, std::shared_ptr<etcd_calls> calls,
                       const etcd_config& cfg, watcher& who, uint64_t from_revision,
                       std::function<void()> ended)
    : calls_{std::move(calls)}, cfg_{cfg}, who_{who}, ended_{std::move(ended)},
      reader_{from_revision}, timer_{io} {}

void etcd_watch::start(std::string body) {
  body_ = std::move(body);
  advance();
}

void etcd_watch::advance() {
  if (calls_->login().ready())
    return connect();
  calls_->login().wait([self = shared_from_this()](const result<void>& ready) {
    if (!self->going_)
      return;
    if (ready)
      self->connect();
    else
      self->lose(ready.error());
  });
}

void etcd_watch::connect() {
  auto endpoint = calls_->endpoints().pick(tried_);
  SHOAL_CHECK(endpoint);
  endpoint_ = *endpoint;
  connection_ = calls_->make_connection(endpoint_);
  connection_->open(cfg_.connect_timeout, [self = shared_from_this()](auto why) {
    if (!self->going_)
      return;
    if (why)
      self->try_elsewhere(*why);
    else
      self->ask();
  });
}

void etcd_watch::ask() {
  token_ = calls_->login().token();
  connection_->ask(
      {etcd::path::watch, body_, token_},
      [self = shared_from_this()](std::string_view text) { self->on_text(text); },
      [self = shared_from_this()](const etcd_answer& got) {
        if (self->going_)
          self->on_end(got);
      });
  heard_ = true; // The first check gives it time to begin.
  check_later();
}

void etcd_watch::on_text(std::string_view text) {
  auto self = shared_from_this(); // The watcher may drop the watch.
  heard_ = true;
  for (auto from = connection_; going_ && connection_ == from;) {
    auto end = text.find('\n');
    line_ += text.substr(0, end);
    if (line_.size() > limits::etcd_answer_bytes_max)
      return lose({ec::unavailable, "the watch of etcd is broken: a line is too long"});
    if (end == std::string_view::npos)
      return;
    text.remove_prefix(end + 1);
    auto line = std::exchange(line_, {});
    if (!line.empty())
      on_line(line);
  }
}

void etcd_watch::on_line(std::string_view line) {
  if (etcd::is_failure(line))
    return on_failure(etcd::decode_failure(200, line));
  auto message = etcd::decode_watch(line);
  if (!message)
    return lose({ec::unavailable, message.error().detail});
  // etcd says no more than this if the token has expired.
  if (message->canceled && message->compact_revision == 0 && !reader_.started()
      && message->cancel_reason.find("permission denied") != std::string::npos)
    return on_failure({etcd::verdict::token, {ec::unauthorized, message->cancel_reason}});
  if (message->created && !message->canceled)
    calls_->endpoints().worked(endpoint_);
  if (auto wrong = reader_.read(*message, who_, going_); wrong && going_)
    lose(std::move(*wrong));
}

void etcd_watch::on_failure(const etcd::failure& what) {
  if (what.what == etcd::verdict::token && calls_->login().wanted() && !reader_.started()
      && logins_++ < logins_max) {
    calls_->login().discard(token_);
    leave_connection();
    return advance();
  }
  if (what.what == etcd::verdict::refused || what.what == etcd::verdict::token)
    return lose(what.why);
  try_elsewhere({ec::unavailable, what.why.detail});
}

void etcd_watch::on_end(const etcd_answer& got) {
  if (got.what == etcd_answer::fate::answered && got.status != 200)
    return on_failure(etcd::decode_failure(got.status, line_));
  if (got.what == etcd_answer::fate::answered)
    return try_elsewhere({ec::unavailable, "etcd ends the watch"});
  try_elsewhere({ec::unavailable, got.why.detail});
}

/// Only before its start is it ours to look further.
void etcd_watch::try_elsewhere(const error& why) {
  calls_->endpoints().failed(endpoint_, why);
  tried_ |= etcd_endpoints::mask{1} << endpoint_;
  if (reader_.started() || !calls_->endpoints().pick(tried_))
    return lose(why);
  leave_connection();
  advance();
}

/// What still comes on it says nothing about the next one.
void etcd_watch::leave_connection() {
  timer_.cancel();
  std::exchange(connection_, nullptr)->close();
  line_.clear();
}

void etcd_watch::check_later() {
  timer_.expires_after(cfg_.watch_check);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& why) {
    if (!why && self->going_)
      self->check();
  });
}

void etcd_watch::check() {
  auto heard = std::exchange(heard_, false);
  if (!heard && (probing_ || !reader_.started()))
    return try_elsewhere({ec::unavailable, "no answer of etcd on a watch"});
  if (!heard)
    probe();
  check_later();
}

void etcd_watch::probe() {
  probing_ = true;
  if (prober_ && prober_->is_reusable() && prober_->is_silent())
    return prober_->ask({etcd::path::range, etcd::encode_probe(), token_},
                        [self = shared_from_this()](auto got) { self->on_probe(got); });
  if (prober_)
    prober_->close();
  prober_ = calls_->make_connection(endpoint_);
  prober_->open(cfg_.connect_timeout, [self = shared_from_this()](auto why) {
    if (!self->going_)
      return;
    if (why)
      self->try_elsewhere(*why);
    else
      self->prober_->ask({etcd::path::range, etcd::encode_probe(), self->token_},
                         [self](auto got) { self->on_probe(got); });
  });
}

/// Any answer will do, even a refusal.
void etcd_watch::on_probe(const etcd_answer& got) {
  probing_ = false;
  if (going_ && got.what != etcd_answer::fate::answered)
    try_elsewhere({ec::unavailable, got.why.detail});
}

void etcd_watch::lose(error why) {
  if (!going_)
    return;
  auto self = shared_from_this();
  stop();
  who_.lost(why);
}

void etcd_watch::stop() {
  if (!std::exchange(going_, false))
    return;
  timer_.cancel();
  if (connection_)
    connection_->close();
  if (prober_)
    prober_->close();
  std::exchange(ended_, nullptr)();
}

} // namespace shoal::coordination
