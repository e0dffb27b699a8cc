// SPDX-License-Identifier: Apache-2.0
#include "http/edge.hpp"

#include "core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <netinet/tcp.h>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

/// A full sweep over all swarms takes this many ticks of a second.
constexpr size_t sweep_ticks = 16;

asio::ip::tcp::endpoint to_asio(const endpoint& from) {
  if (from.address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(from.address.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4{bytes}, from.port};
  }
  return {asio::ip::address_v6{from.address.bytes}, from.port};
}

/// For top-level tasks: an exception there is a bug of ours that must not pass unseen.
void report(std::exception_ptr failure) {
  if (!failure)
    return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    log::error("edge", "ends a task with an exception what=\"{}\"", e.what());
  }
}

} // namespace

edge::edge(unsigned number, unsigned count, const services& srv, const router& routes)
  : number_{number},
    count_{count},
    srv_{srv},
    routes_{routes},
    work_{io_.get_executor()},
    port_{srv.node.system(), srv.node.directory(), srv.node.shards(),
          [this] { asio::post(io_, [] {}); }},
    timer_{io_.get_executor()},
    next_slot_{number} {
}

edge::~edge() {
  stop();
}

result<void> edge::listen() {
  for (auto& where : srv_.config.listen) {
    auto at = to_asio(where);
    tcp_acceptor listener{io_.get_executor()};
    error_code failed;
    auto option = [&](int level, int name) {
      int on = 1;
      if (!failed && setsockopt(listener.native_handle(), level, name, &on, sizeof(on)) != 0)
        failed = {errno, boost::system::system_category()};
    };
    listener.open(at.protocol(), failed);
    option(SOL_SOCKET, SO_REUSEADDR);
    option(SOL_SOCKET, SO_REUSEPORT);
    // The first recv after accept finds the request: a third less work for one-shot announces.
    option(IPPROTO_TCP, TCP_DEFER_ACCEPT);
    if (at.address().is_v6())
      option(IPPROTO_IPV6, IPV6_V6ONLY);
    if (!failed)
      listener.bind(at, failed);
    if (!failed)
      listener.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return fail(ec::unavailable, where.str() + ": " + failed.message());
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void edge::start() {
  for (auto& listener : listeners_)
    asio::co_spawn(io_.get_executor(), accept(listener), report);
  asio::co_spawn(io_.get_executor(), tick(), report);
  thread_ = std::thread{[this] { run(); }};
}

void edge::run() {
  auto& loop = port_.loop();
  loop.bind_to_this_thread();
  while (!io_.stopped()) {
    io_.run_one();
    io_.poll();
    // Actors that the handlers above woke up answer before this thread sleeps again.
    while (loop.run())
      io_.poll();
  }
}

task<> edge::accept(tcp_acceptor& listener) {
  while (!draining_) {
    error_code failed;
    auto socket = co_await listener.async_accept(asio::redirect_error(use_task, failed));
    if (draining_)
      break;
    if (failed) {
      // Out of descriptors, most likely: wait for connections to end instead of spinning.
      log::warn("edge", "cannot accept reason=\"{}\"", failed.message());
      asio::basic_waitable_timer<std::chrono::steady_clock,
                                 asio::wait_traits<std::chrono::steady_clock>, executor>
        pause{io_.get_executor(), std::chrono::milliseconds{100}};
      co_await pause.async_wait(asio::redirect_error(use_task, failed));
      continue;
    }
    if (connections_.size() >= srv_.config.connections_max) {
      srv_.metrics.shed.add();
      continue; // The socket closes here.
    }
    auto conn = std::make_shared<connection>(std::move(socket), srv_.config);
    asio::co_spawn(io_.get_executor(), serve(std::move(conn)), report);
  }
}

task<> edge::serve(std::shared_ptr<connection> conn) {
  connections_.insert(conn.get());
  ++connection_count_;
  srv_.metrics.connections.add(1);
  // GCC 12 miscompiles a co_await next to && or ||: await into a variable, everywhere.
  auto going = true;
  while (going && !draining_)
    going = co_await serve_one(*conn);
  conn->finish();
  srv_.metrics.connections.add(-1);
  connections_.erase(conn.get());
  --connection_count_;
}

task<bool> edge::serve_one(connection& conn) {
  auto got = co_await conn.read_head();
  if (!got) {
    if (got.error().code != ec::unavailable) {
      srv_.metrics.malformed.add();
      co_await refuse(conn, got.error());
    }
    co_return false;
  }
  if (!*got)
    co_return false;
  if (draining_)
    conn.close_after_exchange();
  exchange ex{conn, port_, srv_};
  co_await routes_.handle(ex);
  if (!ex.answered())
    co_await ex.send(json_error(ec::unavailable));
  co_return conn.keep_alive();
}

task<> edge::refuse(connection& conn, const error& why) {
  auto answer = text_error(why);
  if (why.code == ec::too_large)
    answer.status = 431;
  std::string bytes;
  append_head(bytes, answer, answer.body.size(), false);
  bytes += answer.body;
  co_await conn.write(bytes);
}

task<> edge::tick() {
  for (;;) {
    timer_.expires_after(defaults::sweep_period);
    error_code failed;
    co_await timer_.async_wait(asio::redirect_error(use_task, failed));
    auto now = mono_now();
    port_.sweep(now);
    for (auto* conn : connections_) {
      if (draining_ && conn->idle()) {
        conn->cut();
      } else if (conn->overdue(now)) {
        srv_.metrics.overdue.add();
        conn->cut();
      }
    }
    sweep_swarms();
  }
}

void edge::sweep_swarms() {
  // Edges take turns: this one has the slots that leave its number when divided by their count.
  auto share = (slot_count + count_ * sweep_ticks - 1) / (count_ * sweep_ticks);
  for (size_t i = 0; i < share; ++i) {
    for (auto& swarm : srv_.node.directory().swarms_in(next_slot_))
      port_.tell(swarm, atom::expire::value);
    next_slot_ += count_;
    if (next_slot_ >= slot_count)
      next_slot_ = number_;
  }
}

void edge::drain() {
  asio::post(io_, [this] {
    draining_ = true;
    error_code ignored;
    for (auto& listener : listeners_)
      listener.close(ignored);
    for (auto* conn : connections_)
      if (conn->idle())
        conn->cut();
  });
}

void edge::stop() {
  if (!thread_.joinable())
    return;
  asio::post(io_, [this] {
    for (auto* conn : connections_)
      conn->cut();
    // The tasks see their errors in this poll; whatever hangs on an actor ends with the context.
    asio::post(io_, [this] { io_.stop(); });
  });
  thread_.join();
}

} // namespace shoal::http
