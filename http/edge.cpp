// SPDX-License-Identifier: Apache-2.0
#include "http/edge.hpp"

#include "core/log.hpp"
#include "http/listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

/// A full sweep over all swarms takes this many ticks of a second.
constexpr size_t sweep_ticks = 16;

/// Seldom enough for a log that somebody reads, whatever the number of edges.
bool may_complain(mono_time now) {
  static std::atomic<mono_time> next{mono_time{}};
  auto due = next.load();
  return now >= due && next.compare_exchange_strong(due, now + std::chrono::seconds{1});
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
    : number_{number}, count_{count}, srv_{srv}, routes_{routes}, work_{io_.get_executor()},
      port_{srv.node.system(), srv.node.directory(), srv.node.shards(),
            [this] { asio::post(io_, [] {}); }},
      timer_{io_.get_executor()}, next_slot_{number} {}

edge::~edge() {
  stop();
}

result<void> edge::listen() {
  for (auto& where : srv_.config.listen) {
    auto listener = listen_on(io_.get_executor(), where);
    if (!listener)
      return tl::unexpected{listener.error()};
    listeners_.push_back(std::move(*listener));
  }
  return {};
}

result<void> edge::add_guest(const edge_guest_factory& make) {
  auto guest = make(number_, io_, port_);
  if (!guest)
    return tl::unexpected{guest.error()};
  guests_.push_back(std::move(*guest));
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
    for (auto& guest : guests_)
      guest->flush();
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
      if (may_complain(mono_now()))
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
  membership counted{*this, *conn};
  // GCC 12 miscompiles a co_await next to && or ||: await into a variable, everywhere.
  auto going = true;
  while (going && !draining_)
    going = co_await serve_one(*conn);
  co_await conn->finish();
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
  try {
    co_await routes_.handle(ex);
  } catch (const std::exception& e) {
    // A bug or no memory: one request fails, not the node.
    log::error("edge", "cannot answer path=\"{}\" what=\"{}\"", ex.path(), e.what());
    conn.close_after_exchange();
  }
  if (!ex.answered()) {
    error failed{ec::unavailable, {}};
    co_await ex.send(json_error(failed));
  }
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
    for (auto& guest : guests_)
      guest->tick(now);
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

edge::membership::membership(edge& at, connection& conn) : at_{at}, conn_{conn} {
  at_.connections_.insert(&conn_);
  ++at_.connection_count_;
  at_.srv_.metrics.connections.add(1);
}

edge::membership::~membership() {
  at_.connections_.erase(&conn_);
  --at_.connection_count_;
  at_.srv_.metrics.connections.add(-1);
}

void edge::drain() {
  asio::post(io_, [this] {
    draining_ = true;
    for (auto& guest : guests_)
      guest->drain();
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
    // Whoever waits for a swarm waits no longer, and finds its connection cut.
    port_.sweep(mono_time::max());
    // The tasks see their errors in this poll; whatever hangs on an actor ends with the context.
    asio::post(io_, [this] { io_.stop(); });
  });
  thread_.join();
}

} // namespace shoal::http
