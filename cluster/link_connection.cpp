// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace shoal::cluster {

namespace {

/// The farewell must not be lost behind a reset, as TCP sends one if there is unread data.
constexpr std::chrono::seconds linger_time{1};

} // namespace

link_connection::link_connection(link_core& core, link_timing timing, tcp::socket socket,
                                 link_context tls, std::function<void(link_connection&)> settled,
                                 std::function<void(link_connection&)> ended)
    : core_{core}, timing_{timing}, stream_{std::move(socket), std::move(tls)},
      timer_{stream_.executor()}, settled_{std::move(settled)}, ended_{std::move(ended)} {}

void link_connection::dial(link_core::dial what) {
  dial_ = std::move(what);
  limit_greeting();
  stream_.dial(dial_->address, {timing_.greeting, dial_->turn},
               [self = shared_from_this()](const error_code& why) { self->opened(why); });
}

void link_connection::accept() {
  limit_greeting();
  stream_.accept([self = shared_from_this()](const error_code& why) { self->opened(why); });
}

/// Of connecting and shaking hands; then the session looks at the time.
void link_connection::limit_greeting() {
  timer_.expires_after(timing_.greeting);
  timer_.async_wait([self = shared_from_this()](const error_code& why) {
    if (!why && !self->session_)
      self->end({ec::unavailable, "no connection in time"});
  });
}

void link_connection::opened(const error_code& why) {
  if (over_)
    return;
  if (why)
    return end({ec::unavailable, stream_.complaint(why)});
  timer_.cancel();
  auto certificate = stream_.certificate();
  session_ = dial_ ? core_.dialed(*std::exchange(dial_, std::nullopt), std::move(certificate))
                   : core_.accepted(std::move(certificate));
  session_->on_output([weak = weak_from_this()] {
    if (auto self = weak.lock())
      self->plan_flush();
  });
  in_ = std::make_unique<std::array<char, read_bytes>>();
  session_->start();
  read_more();
  arm();
}

void link_connection::settle() {
  if (auto tell = std::exchange(settled_, nullptr))
    tell(*this);
}

// -- out --------------------------------------------------------------------------

/// Once for all that is said in one turn.
void link_connection::plan_flush() {
  if (std::exchange(flush_planned_, true))
    return;
  asio::post(stream_.executor(), [self = shared_from_this()] {
    self->flush_planned_ = false;
    self->flush();
  });
}

void link_connection::flush() {
  if (over_ || lingering_)
    return;
  if (session_->is_closing() && !std::exchange(closing_, true))
    limit_closing(); // Maybe the other side does not read any more.
  if (writing_)
    return arm();
  out_.clear();
  session_->take_output(out_, mono_now());
  if (!out_.empty()) {
    writing_ = true;
    stream_.write(asio::buffer(out_), [self = shared_from_this()](const error_code& why, size_t) {
      self->on_written(why);
    });
  } else if (session_->is_closing()) {
    return session_->said() ? linger() : close("closed");
  }
  arm();
}

void link_connection::on_written(const error_code& why) {
  writing_ = false;
  if (over_)
    return;
  if (why)
    return end({ec::unavailable, stream_.complaint(why)});
  flush();
}

/// Waits until the other side has closed too.
void link_connection::linger() {
  lingering_ = true;
  settle();
  stream_.end_writing();
  limit_closing();
}

void link_connection::limit_closing() {
  timer_.expires_after(linger_time);
  timer_.async_wait([self = shared_from_this()](const error_code& why) {
    if (!why)
      self->end({ec::unavailable, "closed"});
  });
}

// -- in ---------------------------------------------------------------------------

void link_connection::read_more() {
  stream_.read_some(
      asio::buffer(*in_),
      [self = shared_from_this()](const error_code& why, size_t n) { self->on_read(why, n); });
}

void link_connection::on_read(const error_code& why, size_t n) {
  if (over_)
    return;
  if (why)
    return end({ec::unavailable,
                why == asio::error::eof ? "closed by the other side" : stream_.complaint(why)});
  session_->received({in_->data(), n}, mono_now());
  if (over_)
    return;
  if (session_->was_up())
    settle();
  read_more();
  if (!lingering_)
    arm();
}

// -- time -------------------------------------------------------------------------

void link_connection::arm() {
  auto when = session_->next_tick();
  if (over_ || lingering_ || when >= armed_)
    return;
  armed_ = when;
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const error_code& why) {
    if (!why)
      self->on_time();
  });
}

void link_connection::on_time() {
  if (over_ || lingering_)
    return;
  armed_ = mono_time::max();
  session_->tick(mono_now());
  arm();
}

// -- the end ----------------------------------------------------------------------

void link_connection::close(const std::string& why) {
  end({ec::unavailable, why});
}

void link_connection::end(const error& why) {
  if (std::exchange(over_, true))
    return;
  auto self = shared_from_this(); // What is told below may hold the last share.
  timer_.cancel();
  stream_.close();
  if (session_) {
    session_->on_output(nullptr);
    session_->lost(why);
  } else if (dial_) {
    core_.dial_failed(*dial_, why);
  } else {
    core_.stranger_lost(why);
  }
  settle();
  if (auto tell = std::exchange(ended_, nullptr))
    tell(*this);
}

} // namespace shoal::cluster
