// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_guest.hpp"
#include "http/announce_lane.hpp"
#include "http/router.hpp"
#include "http/websocket_hub.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include <thread>
#include <unordered_set>

namespace shoal::http {

/// Makes the guest of one edge thread. @errors ec::unavailable: a socket cannot be bound.
using edge_guest_factory = std::function<result<std::unique_ptr<edge_guest>>(
    unsigned edge_number, asio::io_context& io, edge_port& port)>;

/// What all edges share besides the services.
struct edge_commons {
  address_counts addresses;
  tls_context tls;
};

/// One I/O thread: listeners of its own (SO_REUSEPORT spreads connections over the edges), the
/// connections that came in through them, and the swarms that its announces wake up.
class edge {
public:
  /// @param number 0.., of `count` edges: says which slots this one sweeps.
  edge(unsigned number, unsigned count, const services& srv, const router& routes,
       edge_commons& commons);
  ~edge();

  /// Opens the listeners. @errors ec::unavailable: an address cannot be bound.
  result<void> listen();

  /// @errors those of the factory.
  result<void> add_guest(const edge_guest_factory& make);

  void start();

  /// Stops accepting and closes connections that are idle; others end with their exchange.
  void drain();

  /// Whether a drain has nothing left to wait for.
  bool drained() const { return book_.open() + lane_.transient() == 0; }

  /// Cuts what is left and ends the thread.
  void stop();

private:
  struct open_listener {
    tcp_acceptor socket;
    bool encrypted;
  };

  void run();
  void wake(); // On any thread.
  void adopt(passed_connection passed);
  task<> accept(open_listener& from);
  task<std::optional<tcp_socket>> accept_one(open_listener& from, asio::ip::tcp::endpoint& remote);
  task<> serve(std::shared_ptr<connection> conn);
  task<> prepare_and_serve(std::shared_ptr<connection> conn, bool encrypted);
  task<bool> prepare(connection& conn, bool encrypted);
  task<bool> serve_one(connection& conn);
  task<> refuse(connection& conn, const error& why);
  task<> tick();
  void sweep_swarms();

  /// Lists a connection for as long as its task lives, however that ends.
  class membership {
  public:
    membership(edge& at, connection& conn);
    ~membership();
    membership(const membership&) = delete;
    membership& operator=(const membership&) = delete;

  private:
    edge& at_;
    connection& conn_;
  };

  unsigned number_;
  unsigned count_;
  const services& srv_;
  const router& routes_;
  edge_commons& commons_;
  // Before the context: tasks that end with it still leave these.
  std::unordered_set<connection*> connections_;
  connection_book book_;
  asio::io_context io_{1};
  asio::executor_work_guard<executor> work_;
  edge_port port_;
  announce_lane lane_;
  websocket_hub websockets_;
  std::vector<std::unique_ptr<edge_guest>> guests_;
  std::vector<open_listener> listeners_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, executor>
      timer_;
  size_t next_slot_ = 0; // Of the sweep.
  bool draining_ = false;
  std::thread thread_;
};

} // namespace shoal::http
