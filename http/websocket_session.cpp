// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_session.hpp"

#include "http/websocket_hub.hpp"

#include <caf/send.hpp>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

/// For the client's half of the closing handshake.
constexpr std::chrono::seconds closing_timeout{3};

/// Reads of one socket before others get their turn.
constexpr int reads_max = 4;

} // namespace

websocket_session::websocket_session(websocket_hub& hub, taken_stream taken,
                                     websocket_client client)
    : hub_{hub}, bytes_{std::move(taken.bytes)}, ticket_{std::move(taken.ticket)},
      client_{std::move(client)}, heard_{hub.now()} {}

bool websocket_session::start() {
  hub_.enter(*this);
  if (!hub_.wait_for(*this, false)) {
    cut();
    return false;
  }
  routes_seen_ = hub_.routes_version();
  peer_ = connect_peer(hub_.system(), hub_.desk(), *this);
  return true;
}

// -- reading --------------------------------------------------------------------------

void websocket_session::on_ready(uint32_t events) {
  if (state_ == state::dead)
    return; // It ended earlier in this turn.
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    hub_.wait_for(*this, false);
    flush();
  }
  if ((events & ~uint32_t{EPOLLOUT}) != 0 && state_ != state::dead)
    on_readable((events & ~uint32_t{EPOLLIN | EPOLLOUT}) != 0);
}

/// @param ended whether the kernel has said that the client sends nothing more.
void websocket_session::on_readable(bool ended) {
  for (int i = 0; i < reads_max && state_ != state::dead; ++i) {
    auto space = hub_.read_space(rest_);
    error_code failed;
    auto n = bytes_.read_now(space, failed);
    if (failed == asio::error::would_block)
      return;
    if (failed) {
      cut(); // The client has ended, with a closing handshake or without.
      return;
    }
    hub_.gate().count_bytes(transport::ws, n, 0);
    heard_ = hub_.now();
    pinged_ = false;
    if (state_ == state::open)
      take_in(hub_.received(rest_, n));
    if (n < space.size() && !bytes_.encrypted() && !ended)
      return; // All that there was.
  }
  if (state_ != state::dead)
    hub_.wait_for(*this, blocked_); // There may be more, after the others.
}

void websocket_session::take_in(std::span<char> bytes) {
  auto going = true;
  while (going && !bytes.empty()) {
    auto step = next_ws_frame(bytes, limits::ws_message_bytes_max);
    if (step.what == ws_step::kind::incomplete)
      break;
    if (step.what == ws_step::kind::broken) {
      break_off(step.why);
      break;
    }
    bytes = bytes.subspan(step.used);
    going = on_frame(step.frame);
  }
  if (state_ != state::open) {
    std::string{}.swap(rest_);
    return;
  }
  if (bytes.empty())
    std::string{}.swap(rest_);
  else
    rest_.assign(bytes.data(), bytes.size());
  if (rest_.empty() && !message_.amidst())
    begun_ = {};
  else if (begun_ == mono_time{})
    begun_ = heard_;
}

bool websocket_session::on_frame(const ws_frame& frame) {
  switch (frame.opcode) {
  case ws_opcode::ping:
    if (afford_frame())
      append(ws_opcode::pong, frame.payload);
    return state_ == state::open;
  case ws_opcode::pong:
    return afford_frame();
  case ws_opcode::close:
    close(ws_close::normal, {});
    return false;
  default:
    return on_message(frame);
  }
}

bool websocket_session::on_message(const ws_frame& frame) {
  using outcome = ws_assembler::outcome;
  switch (message_.add(frame)) {
  case outcome::protocol_error:
    break_off(ws_close::protocol_error);
    return false;
  case outcome::too_big:
    break_off(ws_close::too_big);
    return false;
  case outcome::more:
    return true;
  case outcome::complete:
    break;
  }
  begun_ = {};
  if (!message_.is_text()) {
    break_off(ws_close::unsupported_data);
    return false;
  }
  on_text(message_.message());
  return state_ == state::open;
}

void websocket_session::on_text(std::string_view json) {
  if (hub_.handle(*this, json)) {
    bad_messages_ = 0;
  } else if (++bad_messages_ >= limits::ws_bad_messages_max) {
    hub_.counted().misused.add();
    close(ws_close::policy, "too many bad messages");
  } else {
    afford_frame();
  }
}

bool websocket_session::afford_frame() {
  if (state_ != state::open)
    return false;
  if (free_frames_ > 0) {
    --free_frames_;
    return true;
  }
  if (hub_.gate().within_rate(client_.address, hub_.now()))
    return true;
  hub_.gate().count_refusal(transport::ws, refusal_kind::rate_limited);
  hub_.counted().misused.add();
  close(ws_close::policy, "too many frames that ask for nothing");
  return false;
}

void websocket_session::break_off(ws_close why) {
  hub_.counted().broken.add();
  close(why, {});
}

// -- writing --------------------------------------------------------------------------

void websocket_session::say(std::string_view json) {
  if (state_ == state::open)
    append(ws_opcode::text, json);
}

void websocket_session::append(ws_opcode opcode, std::string_view payload) {
  if (out_.size() + payload.size() > limits::ws_send_queue_bytes_max) {
    hub_.counted().slow.add();
    cut();
    return;
  }
  if (out_.empty())
    hub_.lend(out_);
  append_ws_frame(out_, opcode, payload);
  hub_.queue(*this);
}

void websocket_session::flush() {
  queued_ = false;
  if (blocked_ || state_ == state::dead || out_.empty())
    return;
  error_code failed;
  auto n = bytes_.write_now(out_, failed);
  hub_.gate().count_bytes(transport::ws, 0, n);
  if (failed && failed != asio::error::would_block) {
    cut();
  } else if (n < out_.size()) {
    out_.erase(0, n);
    blocked_ = true;
    hub_.wait_for(*this, true);
  } else {
    hub_.take_back(out_);
    if (state_ == state::closing)
      bytes_.shutdown_send();
  }
}

// -- ending ---------------------------------------------------------------------------

void websocket_session::close(ws_close code, std::string_view reason) {
  if (state_ != state::open)
    return;
  append_ws_close(out_, code, reason);
  hub_.queue(*this);
  state_ = state::closing;
  end_ = hub_.now() + closing_timeout;
  if (peer_)
    disconnect_peer(std::exchange(peer_, peer_actor{}));
}

void websocket_session::cut() {
  if (state_ == state::dead)
    return;
  state_ = state::dead;
  hub_.leave(*this);
  if (peer_)
    disconnect_peer(std::exchange(peer_, peer_actor{}));
  bytes_.close();
}

void websocket_session::peer_ended() {
  peer_ = peer_actor{};
  close(ws_close::going_away, {});
}

void websocket_session::sweep(mono_time now) {
  free_frames_ = limits::ws_free_frames_max;
  if (answers_until_ != mono_time{} && now >= answers_until_) {
    answers_until_ = {};
    if (peer_)
      caf::anon_send(peer_, atom::expire::value);
  }
  if (auto routes = hub_.routes_version(); routes != routes_seen_ && peer_) {
    routes_seen_ = routes;
    caf::anon_send(peer_, atom::refresh::value);
  }
  if (state_ == state::closing) {
    if (now >= end_)
      cut();
    return;
  }
  auto silence = now - heard_;
  auto stuck = begun_ != mono_time{} && now - begun_ > hub_.message_timeout();
  if (stuck || silence >= defaults::ws_silence_max) {
    hub_.counted().silent.add();
    cut();
  } else if (silence >= defaults::ws_ping_after && !pinged_) {
    pinged_ = true;
    append(ws_opcode::ping, {});
  }
}

} // namespace shoal::http
