// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/log.hpp"
#include "http/arrival.hpp"
#include "http/connection_book.hpp"
#include "http/lane_connection.hpp"
#include "http/raw_poller.hpp"
#include "http/router.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/fast_request.hpp"

#include <boost/asio/steady_timer.hpp>

namespace shoal::http {

/// Where most requests of a tracker go through: it accepts the connections of an edge, and answers
/// announces that scan_fast_request() understands on the spot, without a coroutine and with as few
/// system calls as there can be (a client that comes for one announce costs four: accept4, recv,
/// send, close). Whatever else a client sends, its connection is passed on for good, with all bytes
/// that came; and so is one that lasts, if another edge has fewer. Belongs to the edge's thread.
///
/// Answers are byte for byte those of the `announce` handler; both use announce_answer.hpp.
class announce_lane {
public:
  /// @param book, port, srv, routes, others outlive the lane.
  announce_lane(asio::io_context& io, edge_port& port, connection_book& book, const services& srv,
                const router& routes, arrivals& others);
  ~announce_lane();
  announce_lane(const announce_lane&) = delete;
  announce_lane& operator=(const announce_lane&) = delete;

  /// Accepts what connects to `where`. @errors ec::unavailable.
  result<void> listen(const endpoint& where);

  /// See steer_sockets().
  bool steer(unsigned edges);

  /// Whether more connections waited than the last turn accepted.
  bool behind() const;

  /// Goes on with a connection that another edge's lane has accepted.
  void take(arrival a);

  /// Handles what is ready. @returns whether there may be more at once.
  bool run();

  /// After the actors ran: sends answers that waited for others of their connection in vain.
  void flush();

  /// Cuts clients that are overdue.
  void sweep(mono_time now);

  /// Accepts no more and closes idle connections; others end with their exchange.
  void drain();

  /// Cuts everything. Announces in work are forgotten when their answers come.
  void stop();

  /// Connections that the book does not know, since they are not to last. On any thread.
  size_t transient() const { return transient_.load(std::memory_order_relaxed); }

private:
  friend struct lane_connection;
  using phase = lane_connection::phase;

  struct open_listener {
    unique_fd socket;
    bool more = false; ///< More connections waited than a turn accepts.
  };

  /// What the router counts for a route.
  struct meters {
    route_meter plain;
    route_meter with_passkey;
  };

  void accept(open_listener& listener);
  void pause_accepting(int reason);
  bool grow();
  void greet(int socket, const endpoint& from);
  lane_connection& open(int socket, const endpoint& from);
  void on_event(lane_connection& c, uint32_t events);

  // One connection; announce_lane_steps.cpp.

  /// Works on it until it has to wait.
  void advance(lane_connection& c);
  bool receive(lane_connection& c);
  size_t parse(lane_connection& c, std::string_view bytes);
  void parse_kept(lane_connection& c);
  size_t take_proxy_header(lane_connection& c, std::string_view bytes);
  bool ask(lane_connection& c, const fast_request& request);
  void answer(lane_connection& c, announce_reply* reply);
  void refuse(lane_connection& c, const refusal& why);
  void append_announce(lane_connection& c, announce_reply* reply);
  void append_answer(lane_connection& c);
  void append_refusal(lane_connection& c, const refusal& why);
  bool send(lane_connection& c);
  void end(lane_connection& c);
  void linger(lane_connection& c);
  void leave(lane_connection& c);
  void rest(lane_connection& c);
  void watch(lane_connection& c, uint32_t more_events = 0);
  void close(lane_connection& c);
  void recycle(lane_connection& c);

  /// Keeps an exception (no memory) from taking more than one connection.
  template <class Work>
  void guarded(lane_connection& c, Work work) {
    try {
      work();
    } catch (const std::exception& e) {
      log::error("edge", "cannot answer an announce what=\"{}\"", e.what());
      close(c);
    }
  }

  ip_address client_of(const lane_connection& c, const fast_request& request) const;
  route_meter& meter(const lane_connection& c);
  void count_transient(int change);

  asio::io_context& io_;
  edge_port& port_;
  connection_book& book_;
  const services& srv_;
  arrivals& others_;
  meters meters_;
  raw_poller poller_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, executor>
      pause_;
  std::vector<std::unique_ptr<open_listener>> listeners_; // The poller knows where they are.
  std::vector<std::unique_ptr<lane_connection>> all_;
  std::vector<lane_connection*> free_;
  std::vector<lane_connection*> active_;
  std::vector<lane_connection*> held_; // With an answer that waits for the next one.
  std::string body_;                   // Of the answer that is written.
  std::array<char, 16 * 1024> buffer_;
  std::atomic<size_t> transient_{0}; // Written by one thread.
  mono_time now_;                    // Of this turn.
  bool draining_ = false;
};

} // namespace shoal::http
