// SPDX-License-Identifier: Apache-2.0
#include "http/announce_lane.hpp"

#include "actors/edge_crew.hpp"
#include "core/log.hpp"
#include "http/listener.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shoal::http {

namespace {

/// Connections that one turn of the loop accepts, so that those that exist get theirs.
constexpr size_t accepts_per_turn = 64;

endpoint to_endpoint(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return {ip_address::v4(bytes), ntohs(v4.sin_port)};
  }
  auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return {ip_address::v6(bytes), ntohs(v6.sin6_port)};
}

} // namespace

announce_lane::announce_lane(asio::io_context& io, edge_port& port, connection_book& book,
                             const services& srv, const router& routes, arrivals& others)
    : io_{io}, port_{port}, book_{book}, srv_{srv}, others_{others},
      meters_{routes.meter_of("/announce"), routes.meter_of("/announce/{passkey}")}, poller_{io},
      pause_{io.get_executor()} {}

announce_lane::~announce_lane() = default;

result<void> announce_lane::listen(const endpoint& where) {
  auto listener = listen_on(io_.get_executor(), where);
  if (!listener)
    return tl::unexpected{listener.error()};
  boost::system::error_code failed;
  auto made = std::make_unique<open_listener>();
  made->socket = unique_fd{listener->release(failed)};
  auto fd = made->socket.get();
  if (failed || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !poller_.add(fd, EPOLLIN, made.get()))
    return fail(ec::unavailable, "cannot poll " + where.str());
  listeners_.push_back(std::move(made));
  return {};
}

bool announce_lane::steer(unsigned edges) {
  return std::all_of(listeners_.begin(), listeners_.end(),
                     [&](auto& l) { return steer_sockets(l->socket.get(), edges); });
}

bool announce_lane::behind() const {
  return std::any_of(listeners_.begin(), listeners_.end(), [](auto& l) { return l->more; });
}

bool announce_lane::run() {
  auto events = poller_.ready();
  if (events.empty())
    return false;
  now_ = mono_now();
  for (auto& event : events) {
    auto is_it = [&](auto& l) { return l.get() == event.data.ptr; };
    auto listener = std::find_if(listeners_.begin(), listeners_.end(), is_it);
    if (listener != listeners_.end()) {
      accept(**listener);
      continue;
    }
    auto& c = *static_cast<lane_connection*>(event.data.ptr);
    guarded(c, [&] { on_event(c, event.events); });
  }
  return poller_.hot();
}

void announce_lane::accept(open_listener& listener) {
  listener.more = false;
  for (size_t i = 0; i < accepts_per_turn; ++i) {
    if (free_.empty() && !grow())
      return pause_accepting(ENOMEM);
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    auto socket = ::accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&from), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0)
      greet(socket, to_endpoint(from));
    else if (is_shortage(errno))
      return pause_accepting(errno);
    else if (would_block(errno))
      return;
    // Else that connection broke before we took it.
  }
  listener.more = true;
}

bool announce_lane::grow() {
  try {
    active_.reserve(all_.size() + 1);
    free_.reserve(all_.size() + 1);
    all_.push_back(std::make_unique<lane_connection>(*this));
    free_.push_back(all_.back().get());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void announce_lane::pause_accepting(int reason) {
  complain_about_shortage(reason);
  // The set would tell about the listeners over and over.
  for (auto& listener : listeners_)
    poller_.change(listener->socket.get(), 0, listener.get());
  pause_.expires_after(shortage_pause);
  pause_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled)
      return;
    for (auto& listener : listeners_)
      poller_.change(listener->socket.get(), EPOLLIN, listener.get());
  });
}

void announce_lane::greet(int socket, const endpoint& from) {
  if (others_.full(transient())) {
    srv_.metrics.shed.add();
    ::close(socket);
    return;
  }
  auto& c = open(socket, from);
  c.deadline = now_ + srv_.config.header_timeout;
  c.readable = true; // TCP_DEFER_ACCEPT: it comes with its request.
  auto& proxies = srv_.config.proxy_protocol_from;
  c.proxied = !proxies.empty() && contains(proxies, from.address);
  guarded(c, [&] { advance(c); });
}

lane_connection& announce_lane::open(int socket, const endpoint& from) {
  auto& c = *free_.back();
  free_.pop_back();
  c.place = active_.size();
  active_.push_back(&c);
  count_transient(1);
  c.socket = socket;
  c.from = c.peer = from;
  return c;
}

void announce_lane::take(arrival a) {
  auto idle = a.unread.empty();
  if ((draining_ && idle) || (free_.empty() && !grow()))
    return; // The socket closes.
  auto& c = open(a.socket.release(), a.from);
  c.peer = a.peer;
  c.proxied = a.proxied;
  c.deadline = a.deadline;
  c.in = std::move(a.unread);
  c.partial = !c.in.empty();
  guarded(c, [&] { watch(c); });
}

void announce_lane::on_event(lane_connection& c, uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    c.readable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    c.hung_up = true;
  if (c.now_in == phase::sending && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
    c.now_in = phase::reading;
  if (c.now_in == phase::lingering)
    return linger(c);
  advance(c);
}

void announce_lane::flush() {
  for (auto* c : held_)
    if (c->now_in == phase::asking && c->socket >= 0)
      guarded(*c, [&] { send(*c); });
  held_.clear();
}

void announce_lane::sweep(mono_time now) {
  now_ = now;
  // From the end: closing one puts the last in its place.
  for (auto i = active_.size(); i-- > 0;) {
    auto& c = *active_[i];
    if (c.socket < 0)
      continue;
    if (draining_ && c.idle()) {
      close(c);
    } else if (c.overdue(now)) {
      srv_.metrics.overdue.add();
      close(c);
    }
  }
}

void announce_lane::drain() {
  draining_ = true;
  sweep(mono_now());
  pause_.cancel();
  // Closing a listener resets what the kernel has taken for it: that is asked for already.
  for (auto& listener : listeners_) {
    listener->more = true;
    for (size_t taken = 0; taken < last_accepts_max && listener->more; taken += accepts_per_turn)
      accept(*listener);
  }
  listeners_.clear();
}

void announce_lane::stop() {
  listeners_.clear();
  for (auto i = active_.size(); i-- > 0;)
    close(*active_[i]);
}

void announce_lane::rest(lane_connection& c) {
  if (c.watched || draining_ || !others_.better_elsewhere())
    return watch(c);
  arrival a{unique_fd{std::exchange(c.socket, -1)},
            c.from,
            c.peer,
            {},
            std::string{c.unread()},
            true,
            c.proxied,
            c.deadline};
  others_.place(std::move(a)); // If it throws, `guarded` recycles.
  recycle(c);
}

void announce_lane::watch(lane_connection& c, uint32_t more_events) {
  auto events = EPOLLIN | EPOLLRDHUP | EPOLLET | more_events;
  if (c.watched) {
    if (more_events != 0)
      poller_.change(c.socket, events, &c);
    return;
  }
  auto ticket = book_.enter(c.from.address);
  if (!ticket || !poller_.add(c.socket, events, &c))
    return close(c);
  c.ticket = std::move(*ticket);
  c.watched = true;
  count_transient(-1);
}

void announce_lane::close(lane_connection& c) {
  if (c.now_in != phase::asking)
    return recycle(c);
  // Its answer is on the way and needs the object.
  if (c.socket >= 0)
    ::close(std::exchange(c.socket, -1));
}

void announce_lane::recycle(lane_connection& c) {
  if (!c.watched)
    count_transient(-1);
  c.reset();
  active_[c.place] = active_.back();
  active_[c.place]->place = c.place;
  active_.pop_back();
  free_.push_back(&c);
}

void announce_lane::count_transient(int change) {
  transient_.store(transient() + static_cast<size_t>(change), std::memory_order_relaxed);
}

} // namespace shoal::http
