// SPDX-License-Identifier: Apache-2.0
#include "http/edge.hpp"

#include "actors/cluster_side.hpp"
#include "core/log.hpp"
#include "http/bulk_side.hpp"
#include "http/listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

/// A full sweep over all swarms takes this many ticks of a second.
constexpr size_t sweep_ticks = 16;

/// Of those who were taken just before the listeners closed: their request may have come, and is
/// not read yet.
constexpr std::chrono::milliseconds first_word_patience{500};

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

edge::edge(unsigned number, unsigned count, const services& srv, const router& routes,
           edge_commons& commons)
    : number_{number}, count_{count}, srv_{srv}, routes_{routes}, commons_{commons},
      book_{srv, commons.addresses}, work_{io_.get_executor()},
      port_{srv.node.system(), srv.node.shards(), [this] { wake(); }}, lane_{io_, port_,  book_,
                                                                             srv, routes, *this},
      websockets_{srv, port_, io_}, timer_{io_.get_executor()}, next_slot_{number} {
  if (auto* cluster = srv.node.cluster())
    port_.join(srv.node.directory(), cluster->relay());
  if (auto* desk = srv.node.inquiries())
    port_.doubt(*desk);
  if (srv.bulk)
    far_.emplace(io_, sources_, srv);
}

edge::~edge() {
  stop();
}

result<void> edge::listen() {
  auto add = [this](const endpoint& where, guests from) -> result<void> {
    if (from == guests::plain && srv_.config.fast_lane)
      return lane_.listen(where);
    auto socket = listen_on(io_.get_executor(), where);
    if (!socket)
      return tl::unexpected{socket.error()};
    listeners_.push_back({std::move(*socket), from});
    return {};
  };
  for (auto& where : srv_.config.listen)
    if (auto added = add(where, guests::plain); !added)
      return added;
  for (auto& where : srv_.config.tls_listen)
    if (auto added = add(where, guests::encrypted); !added)
      return added;
  if (!srv_.bulk)
    return {};
  if (auto added = add(srv_.bulk->listen(), guests::nodes); !added)
    return added;
  // The others take the port that the first one got.
  srv_.bulk->set_port(listeners_.back().socket.local_endpoint().port());
  return {};
}

result<void> edge::add_guest(const edge_guest_factory& make) {
  auto guest = make(number_, io_, port_);
  if (!guest)
    return tl::unexpected{guest.error()};
  guests_.push_back(std::move(*guest));
  return {};
}

void edge::begin_duty() {
  commons_.crew.begin(steer());
}

void edge::start() {
  for (auto& listener : listeners_)
    asio::co_spawn(io_.get_executor(), accept(listener), report);
  asio::co_spawn(io_.get_executor(), tick(), report);
  listens_ = true;
  thread_ = std::thread{[this] { run(); }};
}

void edge::run() {
  port_.loop().bind_to_this_thread();
  auto& load = srv_.node.edge_load();
  load.join();
  while (!io_.stopped()) {
    // What is ready is work and no wait, though `run_one` does both.
    if (io_.poll_one() == 0) {
      auto idle_since = mono_now();
      io_.run_one();
      auto waited = mono_now() - idle_since;
      waited_ += waited;
      load.waited(waited);
    }
    auto busy = false;
    do {
      if (busy)
        io_.poll(); // Else one handler has run, and asking for more is a system call.
      busy = lane_.run();
      busy = websockets_.run() || busy;
      // Actors that the handlers above woke up answer before this thread sleeps again.
      busy = port_.run() || busy;
      lane_.flush();
      websockets_.flush();
      for (auto& guest : guests_)
        guest->flush();
      if (backlog_.lasts(behind()))
        commons_.crew.reinforce(number_, steer());
    } while (busy && !io_.stopped());
  }
}

bool edge::behind() {
  return lane_.behind()
         || std::any_of(guests_.begin(), guests_.end(), [](auto& g) { return g->behind(); });
}

bool edge::steer_sockets_here(unsigned edges) {
  auto steered = lane_.steer(edges);
  for (auto& guest : guests_)
    steered = steered && guest->steer(edges);
  return steered;
}

edge_crew::steer edge::steer() {
  return [this](unsigned edges) { return steer_sockets_here(edges); };
}

void edge::report_to_crew(mono_time now) {
  auto passed = std::chrono::duration<double>(now - std::exchange(reported_at_, now)).count();
  auto waited = std::chrono::duration<double>(std::exchange(waited_, {})).count();
  commons_.crew.report(number_, passed > 0 ? std::clamp(1 - waited / passed, 0.0, 1.0) : 0,
                       steer());
}

void edge::wake() {
  asio::post(io_, [] {});
}

task<> edge::accept(open_listener& from) {
  while (!draining_) {
    asio::ip::tcp::endpoint remote;
    auto socket = co_await accept_one(from, remote);
    if (socket)
      greet(std::move(*socket), to_endpoint(remote), from.from);
  }
}

void edge::greet(tcp_socket socket, const endpoint& peer, guests from) {
  auto ticket = book_.enter(peer.address);
  if (!ticket)
    return; // The socket closes here.
  auto conn = std::make_shared<connection>(stream{std::move(socket)}, peer, srv_.config,
                                           std::move(*ticket));
  asio::co_spawn(io_.get_executor(), prepare_and_serve(std::move(conn), from), report);
}

/// Closing a listener resets what the kernel has taken for it: who is there already is served.
void edge::close_listener(open_listener& listener) {
  error_code failed;
  listener.socket.non_blocking(true, failed);
  if (!failed) // Else asio waits for another one when one that waited has gone.
    listener.socket.set_option(asio::socket_base::enable_connection_aborted{true}, failed);
  for (size_t i = 0; i < last_accepts_max && !failed; ++i) {
    asio::ip::tcp::endpoint remote;
    auto socket = listener.socket.accept(remote, failed);
    if (!failed)
      greet(std::move(socket), to_endpoint(remote), listener.from);
    else if (failed == asio::error::connection_aborted)
      failed.clear(); // That one has gone; others wait behind it.
  }
  listener.socket.close(failed);
}

task<std::optional<tcp_socket>> edge::accept_one(open_listener& from,
                                                 asio::ip::tcp::endpoint& remote) {
  error_code failed;
  auto socket = co_await from.socket.async_accept(remote, asio::redirect_error(use_task, failed));
  if (!failed)
    co_return std::optional<tcp_socket>{std::move(socket)};
  if (!draining_ && is_shortage(failed.value())) {
    complain_about_shortage(failed.value());
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, executor>
        pause{io_.get_executor(), shortage_pause};
    co_await pause.async_wait(asio::redirect_error(use_task, failed));
  }
  co_return std::nullopt;
}

task<> edge::prepare_and_serve(std::shared_ptr<connection> conn, guests from) {
  auto prepared = false;
  {
    membership listed{*this, *conn};
    prepared = co_await prepare(*conn, from);
  }
  auto& routes = from == guests::nodes ? *commons_.bulk_routes : routes_;
  if (prepared)
    co_await serve(std::move(conn), routes, draining_); // Who has come is answered once.
}

/// Of the cluster is who has a certificate of its authority; nobody else hears a word of HTTP.
task<bool> edge::greet_node(connection& conn) {
  auto context = srv_.bulk->context();
  auto agreed = true;
  if (context)
    agreed = co_await conn.start_tls(*context->native_handle());
  if (agreed)
    conn.change_ticket(book_.enter_known());
  else
    srv_.bulk->strangers.add();
  co_return agreed;
}

task<bool> edge::prepare(connection& conn, guests from) {
  if (from == guests::nodes) {
    auto known = co_await greet_node(conn);
    co_return known;
  }
  if (contains(srv_.config.proxy_protocol_from, conn.peer().address)) {
    auto got = co_await conn.read_proxy_header();
    if (!got) {
      srv_.metrics.bad_proxy_header.add();
      co_return false;
    }
  }
  if (from == guests::plain)
    co_return true;
  auto context = commons_.tls.current();
  auto agreed = co_await conn.start_tls(*context);
  (agreed ? srv_.metrics.handshakes : srv_.metrics.bad_handshakes).add();
  co_return agreed;
}

void edge::start_serving(std::shared_ptr<connection> conn, bool asked) {
  asio::co_spawn(io_.get_executor(), serve(std::move(conn), routes_, asked), report);
}

task<> edge::serve(std::shared_ptr<connection> conn, const router& routes, bool asked) {
  membership listed{*this, *conn};
  // GCC 12 miscompiles a co_await next to && or ||: await into a variable, everywhere.
  auto going = true;
  while (going && (asked || !draining_)) {
    asked = false;
    going = co_await serve_one(*conn, routes);
  }
  co_await conn->finish();
}

task<bool> edge::serve_one(connection& conn, const router& routes) {
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
  if (draining_ || srv_.leaving.load(std::memory_order_relaxed))
    conn.close_after_exchange();
  exchange ex{conn, port_, websockets_, far_ ? &*far_ : nullptr, srv_};
  try {
    co_await routes.handle(ex);
  } catch (const std::exception& e) {
    // A bug or no memory: one request fails, not the node.
    log::error("edge", "cannot answer path=\"{}\" what=\"{}\"", ex.path(), e.what());
    conn.close_after_exchange();
  }
  if (conn.taken())
    co_return false;
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
    report_to_crew(now);
    for (auto& guest : guests_)
      guest->tick(now);
    if (now >= spared_until_)
      lane_.sweep(now);
    websockets_.tick(now);
    if (far_)
      far_->pool().tick(now);
    for (auto* conn : connections_) {
      if (draining_ && conn->idle() && now >= spared_until_) {
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
    srv_.node.census().begin(next_slot_, mono_now());
    for (auto& swarm : srv_.node.directory().swarms_in(next_slot_))
      port_.tell(swarm, atom::expire::value);
    next_slot_ += count_;
    if (next_slot_ >= slot_count)
      next_slot_ = number_;
  }
}

edge::membership::membership(edge& at, connection& conn) : at_{at}, conn_{conn} {
  at_.connections_.insert(&conn_);
}

edge::membership::~membership() {
  at_.connections_.erase(&conn_);
}

void edge::drain() {
  asio::post(io_, [this] {
    draining_ = true;
    spared_until_ = mono_now() + first_word_patience;
    for (auto& guest : guests_)
      guest->drain();
    for (auto* conn : connections_)
      if (conn->idle() && !conn->is_new())
        conn->cut();
    for (auto& listener : listeners_)
      close_listener(listener);
    lane_.drain();
    websockets_.drain();
    // Behind those that were accepted before, and are not known yet.
    asio::post(io_, [this] { listens_ = false; });
  });
}

void edge::stop() {
  if (!thread_.joinable())
    return;
  asio::post(io_, [this] {
    lane_.stop();
    websockets_.cut();
    if (far_)
      far_->pool().cut();
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
