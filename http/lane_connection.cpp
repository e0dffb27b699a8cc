// SPDX-License-Identifier: Apache-2.0
#include "http/lane_connection.hpp"

#include "http/announce_lane.hpp"

#include <unistd.h>

namespace shoal::http {

namespace {

/// An unused object keeps no more than this of each buffer.
constexpr size_t kept_bytes_max = 4 * 1024;

void empty(std::string& buffer) {
  if (buffer.capacity() > kept_bytes_max)
    std::string{}.swap(buffer);
  buffer.clear();
}

} // namespace

lane_connection::~lane_connection() {
  if (socket >= 0)
    ::close(socket);
}

void lane_connection::on_reply(announce_reply* reply) {
  lane.guarded(*this, [&] { lane.answer(*this, reply); });
}

void lane_connection::on_unregistered() {
  lane.guarded(*this, [&] { lane.refuse(*this, tracker_gate::unregistered()); });
}

void lane_connection::reset() {
  if (socket >= 0)
    ::close(std::exchange(socket, -1));
  ticket = {};
  empty(in);
  empty(out);
  sent = done = 0;
  now_in = phase::reading;
  watched = readable = hung_up = partial = keep_alive = ending = leaving = proxied = with_passkey
      = false;
}

} // namespace shoal::http
