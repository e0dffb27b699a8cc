// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_crew.hpp"
#include "actors/edge_guest.hpp"
#include "http/announce_lane.hpp"
#include "http/object_relay.hpp"
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

class edge;

/// What all edges share besides the services.
struct edge_commons {
  edge_commons(uint32_t connections_per_address, const hash_key& secret, unsigned count)
      : addresses{connections_per_address, secret}, crew{count} {}

  address_counts addresses;
  tls_context tls;
  edge_crew crew;
  const router* bulk_routes = nullptr; ///< Null: the node is alone.
  std::vector<edge*> edges;            ///< All of them, once they are made.
};

/// One I/O thread: listeners of its own, its share of the connections that last, and the swarms
/// that its announces wake up.
///
/// The crew says which edges accept (edge_crew). An announce that comes on a connection of its own
/// is answered by the edge that accepted it; whoever stays goes to the edge with the fewest
/// connections.
class edge final : arrivals {
public:
  /// @param number 0.., of `count` edges: says which slots this one sweeps.
  edge(unsigned number, unsigned count, const services& srv, const router& routes,
       edge_commons& commons);
  ~edge();

  /// Opens the listeners. @errors ec::unavailable: an address cannot be bound.
  result<void> listen();

  /// @errors those of the factory.
  result<void> add_guest(const edge_guest_factory& make);

  /// Once, on one edge, when all are made: the crew is on duty from now on.
  void begin_duty();

  void start();

  /// Stops accepting and closes connections that are idle; others end with their exchange.
  void drain();

  /// Connections that last, and those on the way from other edges. On any thread.
  size_t connections() const { return book_.open() + arriving_.load(std::memory_order_relaxed); }

  /// Whether a drain has nothing left to wait for.
  bool drained() const { return !listens_ && connections() + lane_.transient() == 0; }

  /// Cuts what is left and ends the thread.
  void stop();

private:
  /// Who comes to a listener.
  enum class guests : uint8_t { plain, encrypted, nodes };

  struct open_listener {
    tcp_acceptor socket;
    guests from;
  };

  void run();
  void wake(); // On any thread.

  // -- arrivals; edge_arrivals.cpp
  bool better_elsewhere() const override { return &emptiest() != this; }
  bool full(size_t transient) const override;
  void place(arrival a) override;
  edge& emptiest() const;
  void settle(arrival a);
  void adopt(arrival a);

  bool steer_sockets_here(unsigned edges);
  edge_crew::steer steer();
  bool behind();
  void report_to_crew(mono_time now);

  task<> accept(open_listener& from);
  void greet(tcp_socket socket, const endpoint& peer, guests from);
  void close_listener(open_listener& listener);
  task<std::optional<tcp_socket>> accept_one(open_listener& from, asio::ip::tcp::endpoint& remote);
  void start_serving(std::shared_ptr<connection> conn, bool asked);

  /// @param asked the client has sent something, so it is answered even if the edge drains.
  task<> serve(std::shared_ptr<connection> conn, const router& routes, bool asked);
  task<> prepare_and_serve(std::shared_ptr<connection> conn, guests from);
  task<bool> prepare(connection& conn, guests from);
  task<bool> greet_node(connection& conn);
  task<bool> serve_one(connection& conn, const router& routes);
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
  source_set sources_;
  connection_book book_;
  std::atomic<size_t> arriving_{0}; // Connections on the way from other edges.
  asio::io_context io_{1};
  asio::executor_work_guard<executor> work_;
  edge_port port_;
  announce_lane lane_;
  websocket_hub websockets_;
  std::optional<object_relay> far_; // Absent: the node is alone.
  std::vector<std::unique_ptr<edge_guest>> guests_;
  std::vector<open_listener> listeners_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, executor>
      timer_;
  size_t next_slot_ = 0; // Of the sweep.
  edge_backlog backlog_;
  std::chrono::nanoseconds waited_{0}; // Since the last report to the crew.
  mono_time reported_at_ = mono_now();
  std::atomic<bool> draining_{false}; // Written by this edge's thread.
  std::atomic<bool> listens_{false};  // Until a drain has taken whoever waits.
  mono_time spared_until_{};          // Those who were taken last, and have not asked yet.
  std::thread thread_;
};

} // namespace shoal::http
