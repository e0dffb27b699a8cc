// SPDX-License-Identifier: Apache-2.0
// How the announce lane works on one connection.
#include "core/hex.hpp"
#include "http/announce_lane.hpp"
#include "protocol/announce_reply.hpp"
#include "protocol/forwarded.hpp"
#include "protocol/proxy_header.hpp"

#include <sys/socket.h>

namespace shoal::http {

namespace {

/// Answers of one connection that may wait to be sent together.
constexpr size_t gathered_bytes_max = 64 * 1024;

/// A client that still sends when it was answered gets this long to see the answer.
constexpr std::chrono::seconds linger_timeout{2};

/// Reads of what such a client still sends, at once.
constexpr size_t linger_reads_max = 64;

} // namespace

void announce_lane::advance(lane_connection& c) {
  while (c.socket >= 0 && c.now_in == phase::reading) {
    auto understood = c.in.empty() || c.partial || c.leaving || c.ending;
    auto due = understood || c.out.size() >= gathered_bytes_max;
    if (!c.out.empty() && due && !send(c))
      return;
    if (c.leaving)
      return leave(c);
    if (c.ending)
      return end(c);
    if (!understood) {
      parse_kept(c);
    } else if (!c.readable) {
      return rest(c);
    } else if (!receive(c)) {
      return;
    }
  }
}

bool announce_lane::receive(lane_connection& c) {
  auto n = ::recv(c.socket, buffer_.data(), buffer_.size(), 0);
  if (n > 0) {
    // Less than there was room for is all there is; the poller tells about more.
    c.readable = c.hung_up || static_cast<size_t>(n) == buffer_.size();
    std::string_view bytes{buffer_.data(), static_cast<size_t>(n)};
    if (c.in.empty()) {
      auto used = parse(c, bytes);
      c.in = bytes.substr(used);
    } else {
      c.in.erase(0, std::exchange(c.done, 0));
      c.in += bytes;
      parse_kept(c);
    }
    return true;
  }
  if (n < 0 && errno == EINTR)
    return true;
  if (n < 0 && would_block(errno)) {
    c.readable = false;
    return true;
  }
  close(c);
  return false;
}

void announce_lane::parse_kept(lane_connection& c) {
  c.done += parse(c, c.unread());
  if (c.done == c.in.size()) {
    c.in.clear();
    c.done = 0;
  }
}

size_t announce_lane::parse(lane_connection& c, std::string_view bytes) {
  auto size = bytes.size();
  auto again = std::exchange(c.partial, false);
  if (c.proxied)
    bytes.remove_prefix(take_proxy_header(c, bytes));
  if (c.proxied || c.ending)
    return size - bytes.size();
  while (!bytes.empty()) {
    fast_request request;
    auto verdict = scan_fast_request(bytes, request);
    // A header that comes in many pieces would be scanned many times.
    if (verdict == fast_verdict::no || (verdict == fast_verdict::more && again)) {
      c.leaving = true;
      break;
    }
    if (verdict == fast_verdict::more) {
      c.partial = true;
      c.deadline = now_ + srv_.config.header_timeout;
      break;
    }
    again = false;
    bytes.remove_prefix(request.size);
    if (ask(c, request) || c.ending || c.out.size() >= gathered_bytes_max)
      break;
  }
  if (c.now_in == phase::asking && !c.out.empty())
    held_.push_back(&c);
  return size - bytes.size();
}

size_t announce_lane::take_proxy_header(lane_connection& c, std::string_view bytes) {
  auto header = parse_proxy_header(as_bytes(bytes));
  if (!header) {
    srv_.metrics.bad_proxy_header.add();
    c.ending = true;
    return bytes.size();
  }
  c.partial = !header->has_value();
  if (c.partial)
    return 0;
  c.proxied = false;
  if ((*header)->source)
    c.peer = *(*header)->source;
  return (*header)->size;
}

ip_address announce_lane::client_of(const lane_connection& c, const fast_request& request) const {
  auto& trusted = srv_.config.trusted_proxies;
  return trusted.empty() ? c.peer.address
                         : real_address(c.peer.address, trusted, request.forwarded());
}

bool announce_lane::ask(lane_connection& c, const fast_request& request) {
  c.started = now_;
  c.keep_alive = request.keep_alive && !draining_ && !srv_.leaving.load(std::memory_order_relaxed);
  c.with_passkey = !request.passkey.empty();
  c.received = request.size;
  auto client = client_of(c, request);
  auto accepted = accept_announce(srv_.gate, client, request.passkey, request.query, now_);
  auto* inquiry = accepted && accepted->in_doubt ? port_.inquiry() : nullptr;
  if (accepted && (inquiry || !accepted->in_doubt)) {
    c.form = accepted->form;
    if (inquiry && !inquiry->has_room(accepted->request.swarm)) {
      append_announce(c, nullptr);
      return false;
    }
    c.now_in = phase::asking;
    if (inquiry)
      inquiry->announce(std::move(accepted->request), c);
    else
      port_.announce(std::move(accepted->request), accepted->swarm, c, now_);
    return true;
  }
  append_refusal(c, accepted ? tracker_gate::unregistered() : accepted.error());
  return false;
}

void announce_lane::append_refusal(lane_connection& c, const refusal& why) {
  srv_.gate.count_refusal(transport::http, why.kind);
  body_.clear();
  append_failure(body_, why.reason, why.retry_in);
  append_answer(c);
}

void announce_lane::refuse(lane_connection& c, const refusal& why) {
  c.now_in = phase::reading;
  now_ = mono_now();
  if (c.socket < 0) {
    srv_.gate.count_refusal(transport::http, why.kind);
    return recycle(c);
  }
  append_refusal(c, why);
  advance(c);
}

void announce_lane::answer(lane_connection& c, announce_reply* reply) {
  c.now_in = phase::reading;
  now_ = mono_now();
  append_announce(c, reply);
  c.socket < 0 ? recycle(c) : advance(c);
}

/// If anybody listens.
void announce_lane::append_announce(lane_connection& c, announce_reply* reply) {
  count_announce(srv_.gate, c.form, reply != nullptr);
  srv_.gate.observe_announce(transport::http, elapsed_us(c.started, now_));
  if (c.socket < 0)
    return;
  body_.clear();
  append_announce_body(body_, srv_.gate, c.form, reply);
  append_answer(c);
}

void announce_lane::append_answer(lane_connection& c) {
  auto before = c.out.size();
  append_tracker_head(c.out, body_.size(), c.keep_alive);
  c.out += body_;
  srv_.gate.count_bytes(transport::http, c.received, c.out.size() - before);
  c.ending = !c.keep_alive;
  c.deadline = now_ + srv_.config.idle_timeout;
  auto& counted = meter(c);
  counted.seconds->observe_us(elapsed_us(c.started, now_));
  counted.by_class[2]->add();
  srv_.metrics.lane_announces.add();
}

bool announce_lane::send(lane_connection& c) {
  // With the close that follows, the end of the stream travels in the same packet.
  auto last = c.ending && c.now_in != phase::asking && c.in.empty();
  while (c.sent < c.out.size()) {
    auto n = ::send(c.socket, c.out.data() + c.sent, c.out.size() - c.sent,
                    MSG_NOSIGNAL | (last ? MSG_MORE : 0));
    if (n >= 0) {
      c.sent += static_cast<size_t>(n);
    } else if (would_block(errno)) {
      c.deadline = now_ + srv_.config.stall_timeout;
      if (c.now_in == phase::asking)
        return false;
      c.now_in = phase::sending;
      watch(c, EPOLLOUT);
      return false;
    } else if (errno != EINTR) {
      close(c);
      return false;
    }
  }
  c.out.clear();
  c.sent = 0;
  return true;
}

void announce_lane::end(lane_connection& c) {
  // Closing with bytes unread resets the connection, which may take the answer with it.
  if (c.in.empty() && !c.readable)
    return close(c);
  ::shutdown(c.socket, SHUT_WR);
  c.in.clear();
  c.done = 0;
  c.now_in = phase::lingering;
  c.deadline = now_ + linger_timeout;
  linger(c);
}

void announce_lane::linger(lane_connection& c) {
  for (size_t i = 0; i < linger_reads_max; ++i) {
    auto n = ::recv(c.socket, buffer_.data(), buffer_.size(), 0);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      if (n < 0 && would_block(errno))
        watch(c);
      else
        close(c);
      return;
    }
  }
  close(c);
}

void announce_lane::leave(lane_connection& c) {
  if (c.watched)
    poller_.remove(c.socket);
  arrival a{unique_fd{std::exchange(c.socket, -1)},
            c.from,
            c.peer,
            std::move(c.ticket),
            std::string{c.unread()},
            false,
            false,
            c.deadline};
  others_.place(std::move(a)); // If it throws, `guarded` recycles.
  recycle(c);
}

route_meter& announce_lane::meter(const lane_connection& c) {
  return c.with_passkey ? meters_.with_passkey : meters_.plain;
}

} // namespace shoal::http
