// SPDX-License-Identifier: Apache-2.0
#include "udp/guest.hpp"

#include "actors/edge_crew.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unistd.h>

namespace shoal::udp {

namespace {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

/// With more packets than this in its queue, about 700, or a quarter of what it has room for, a
/// socket's edge is behind: clients in a closed loop cannot do that, a crowd can.
constexpr uint32_t backlog_bytes = 512 * 1024;

} // namespace

guest::guest(service& srv, asio::io_context& io, edge_port& port)
    : srv_{srv}, io_{io}, tracker_{srv, port, srv.config().listen.size()} {
  tracker_.tick(unix_now(), mono_now());
}

result<void> guest::open() {
  for (auto& where : srv_.config().listen) {
    auto opened = open_datagram_socket(where, srv_.config().receive_buffer_bytes);
    if (!opened)
      return tl::unexpected{opened.error()};
    auto& made = sockets_.emplace_back(io_);
    error_code failed;
    made.handle.assign(*opened, failed);
    if (!failed)
      continue;
    ::close(*opened);
    return fail(ec::unavailable, "cannot wait for UDP packets: " + failed.message());
  }
  for (size_t i = 0; i < sockets_.size(); ++i)
    await(i);
  return {};
}

void guest::await(size_t index) {
  auto& s = sockets_[index];
  s.awaited = true;
  auto then = [this, index](error_code failed) {
    sockets_[index].awaited = false;
    if (!failed && !draining_)
      receive(index);
  };
  // A full batch left some behind, most likely: no need to ask the kernel.
  if (s.more)
    asio::post(io_, [then] { then({}); });
  else
    s.handle.async_wait(asio::posix::descriptor_base::wait_read, then);
}

void guest::receive(size_t index) {
  auto& s = sockets_[index];
  auto got = batch_.receive(s.handle.native_handle());
  s.more = got && *got == batch_max;
  if (!got)
    srv_.counted().receive_failures.add();
  else if (*got != 0)
    tracker_.handle(batch_, *got, index, mono_now());
}

void guest::send(size_t index) {
  auto ready = tracker_.ready(index);
  if (ready.empty())
    return;
  auto sent = send_all(sockets_[index].handle.native_handle(), ready);
  srv_.gate().count_bytes(transport::udp, 0, sent.bytes);
  if (sent.failed != 0)
    srv_.counted().send_failures.add(sent.failed);
  tracker_.drop_ready(index);
}

void guest::flush() {
  for (size_t i = 0; i < sockets_.size(); ++i) {
    send(i);
    // Only now, so that a socket that always has more cannot keep the loop from its other work.
    if (!sockets_[i].awaited && !draining_)
      await(i);
  }
}

bool guest::behind() {
  // Only a full batch is worth a system call.
  return std::any_of(sockets_.begin(), sockets_.end(), [](auto& s) {
    if (!s.more)
      return false;
    auto queue = look_at_queue(s.handle.native_handle());
    return queue.bytes > std::min(backlog_bytes, queue.room / 4);
  });
}

bool guest::steer(unsigned edges) {
  return std::all_of(sockets_.begin(), sockets_.end(),
                     [&](auto& s) { return steer_sockets(s.handle.native_handle(), edges); });
}

void guest::tick(mono_time now) {
  tracker_.tick(unix_now(), now);
  auto waiting = static_cast<int64_t>(tracker_.in_flight());
  srv_.counted().in_flight.add(waiting - shown_in_flight_);
  shown_in_flight_ = waiting;
  for (auto& s : sockets_) {
    auto drops = look_at_queue(s.handle.native_handle()).dropped;
    srv_.counted().kernel_drops.add(drops - s.drops);
    s.drops = drops;
  }
}

void guest::drain() {
  draining_ = true;
  for (auto& s : sockets_) {
    error_code ignored;
    s.handle.cancel(ignored);
  }
}

} // namespace shoal::udp
