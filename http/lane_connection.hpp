// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_inquiry.hpp"
#include "http/connection_ticket.hpp"
#include "http/dialects/announce_answer.hpp"

#include <cerrno>
#include <string>

namespace shoal::http {

class announce_lane;

/// Whether a call on a socket failed only because it would have had to wait.
inline bool would_block(int code) {
  return code == EAGAIN || code == EWOULDBLOCK;
}

/// A client of the announce lane: its socket, and the one announce that it may have in work. The
/// objects are used again, so that a connection allocates nothing.
///
///   reading -- an announce --> asking -- its answer --> reading
///   reading, asking -- the socket is full --> sending -- it takes more --> reading
///   sending -- all is sent, but the client is not done --> lingering
struct lane_connection final : announce_sink {
  enum class phase : uint8_t { reading, asking, sending, lingering };

  explicit lane_connection(announce_lane& at) : lane{at} {}
  lane_connection(const lane_connection&) = delete;
  lane_connection& operator=(const lane_connection&) = delete;
  ~lane_connection() override;

  void on_reply(announce_reply* reply) override;
  void on_unregistered() override;

  /// Makes the object fit for another client; closes the socket.
  void reset();

  /// Whether the client keeps us waiting for too long.
  bool overdue(mono_time now) const { return now_in != phase::asking && now > deadline; }

  /// Whether no request is in work.
  bool idle() const { return now_in == phase::reading && in.empty() && out.empty(); }

  /// Received and not understood yet.
  std::string_view unread() const { return std::string_view(in).substr(done); }

  announce_lane& lane;
  int socket = -1;
  endpoint from;            ///< The socket's other end.
  endpoint peer;            ///< The same, or what a PROXY header says.
  connection_ticket ticket; ///< Once it is watched.
  std::string in;           ///< Received; the first `done` bytes are dealt with.
  size_t done = 0;
  std::string out; ///< Answers; the first `sent` bytes are gone.
  size_t sent = 0;
  announce_form form;  ///< Of the announce in work.
  mono_time started;   ///< When it came.
  size_t received = 0; ///< Its bytes.
  mono_time deadline;  ///< For the client's next move.
  size_t place = 0;    ///< In the lane's list.
  phase now_in = phase::reading;
  bool watched = false;      ///< The poller tells about it.
  bool readable = false;     ///< There may be something to receive.
  bool hung_up = false;      ///< The client will send no more.
  bool partial = false;      ///< `unread` is the beginning of a request.
  bool keep_alive = false;   ///< After the request in work.
  bool ending = false;       ///< Close when all is sent.
  bool leaving = false;      ///< Pass it on when all is sent: `unread` is no announce.
  bool proxied = false;      ///< A PROXY header comes first.
  bool with_passkey = false; ///< The announce in work came with one.
};

} // namespace shoal::http
