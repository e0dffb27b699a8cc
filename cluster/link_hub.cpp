// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_hub.hpp"

#include "cluster/link_connection.hpp"
#include "cluster/link_gate.hpp"
#include "cluster/link_inbox.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

namespace shoal::cluster {

namespace {

using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

/// After the process has run out of descriptors.
constexpr std::chrono::milliseconds accept_pause{100};

/// For farewells.
constexpr std::chrono::milliseconds stop_patience{1500};

constexpr std::chrono::seconds board_period{1};

/// One address has one form, whatever the socket's family.
ip_address address_of(const asio::ip::address& x) {
  if (x.is_v4())
    return ip_address::v4(x.to_v4().to_bytes());
  auto v6 = x.to_v6();
  if (v6.is_v4_mapped())
    return ip_address::v4(asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_bytes());
  return ip_address::v6(v6.to_bytes());
}

class hub final : public link_hub {
public:
  explicit hub(link_hub_config cfg)
      : cfg_{std::move(cfg)}, acceptor_{io_}, dial_timer_{io_}, accept_timer_{io_},
        board_timer_{io_}, inbox_{std::make_shared<link_inbox>(io_)},
        core_{cfg_.self, cfg_.timing, std::random_device{}(), mono_now,
              [box = inbox_](auto what) { box->run(std::move(what)); }} {}

  ~hub() override;
  result<void> open();

  void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
            callback then) override;
  void tell(const std::string& node, uint16_t kind, std::string body) override;
  void serve(uint16_t kind, handler who) override;
  void listen(link_listener& who) override;
  void follow(std::vector<link_peer> peers) override;
  void report(std::function<void(link_report)> then) override;
  result<void> reload_certificates() override;
  endpoint address() const override { return cfg_.listen; }
  std::shared_ptr<const link_board> board() const override { return board_; }

private:
  using queue = std::list<link_connection*>;

  /// A connection, and where it stands among the strangers of its kind.
  struct place {
    std::shared_ptr<link_connection> connection;
    queue* among = nullptr;
    queue::iterator at;
  };

  link_report report_now() const;
  void publish();
  link_context context() const;
  void accept();
  void greet(tcp::socket socket);
  void look();
  void arm();
  link_connection& add(tcp::socket socket, std::function<void(link_connection&)> settled);
  void settled(link_connection& who, const ip_address& from, link_gate::guest as);
  void expect();
  void ended(link_connection& who);
  void stop();

  link_hub_config cfg_;
  asio::io_context io_{1};
  mutable std::mutex context_mutex_;
  link_context context_;
  std::atomic<unix_seconds> certificate_expires_{0};
  tcp::acceptor acceptor_;
  asio::steady_timer dial_timer_;
  asio::steady_timer accept_timer_;
  asio::steady_timer board_timer_;
  std::shared_ptr<link_inbox> inbox_; ///< Replies that come too late still hold it.
  link_core core_;
  link_gate gate_;
  std::unordered_map<link_connection*, place> connections_;
  queue strangers_;                                    ///< The oldest first.
  queue expected_;                                     ///< The same, from addresses of nodes.
  std::map<std::string, std::set<ip_address>> listed_; ///< What the nodes' records say.
  std::map<std::string, ip_address> proven_;           ///< Whence a node has come.
  uint64_t pushed_out_ = 0;
  mono_time looks_at_ = mono_time::max();
  bool stopping_ = false;
  const std::shared_ptr<link_board> board_ = std::make_shared<link_board>();
  std::thread thread_;
};

// -- life -------------------------------------------------------------------------

result<void> hub::open() {
  core_.tell_versions(cfg_.since);
  auto ip = asio::ip::make_address(cfg_.listen.address.str());
  if (cfg_.insecure && !ip.is_loopback())
    return fail(ec::invalid_argument, "plain links are for this machine only");
  if (!cfg_.insecure)
    if (auto loaded = reload_certificates(); !loaded)
      return loaded;
  error_code wrong;
  tcp::endpoint at{ip, cfg_.listen.port};
  acceptor_.open(at.protocol(), wrong);
  if (!wrong)
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, wrong);
  if (!wrong)
    acceptor_.bind(at, wrong);
  if (!wrong)
    acceptor_.listen(asio::socket_base::max_listen_connections, wrong);
  if (wrong)
    return fail(ec::unavailable, cfg_.listen.str() + " for links: " + wrong.message());
  cfg_.listen.port = acceptor_.local_endpoint().port();
  log::info("links", "listen address={} tls={}", cfg_.listen.str(), !cfg_.insecure);
  accept();
  publish();
  thread_ = std::thread{[this] {
    inbox_->belong();
    auto work = asio::make_work_guard(io_);
    io_.run();
  }};
  return {};
}

hub::~hub() {
  if (thread_.joinable()) {
    inbox_->run([this] { stop(); });
    thread_.join();
  }
  inbox_->close(); // Nobody is linked any more: whoever asked last is told so.
  board_->publish({});
}

void hub::stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  core_.stop();
  for (auto& [raw, at] : std::unordered_map<link_connection*, place>{connections_})
    if (!at.connection->was_up())
      at.connection->close("shutting down");
  if (connections_.empty())
    return io_.stop();
  dial_timer_.expires_after(stop_patience);
  dial_timer_.async_wait([this](const error_code& why) {
    if (why)
      return;
    for (auto& [raw, at] : std::unordered_map<link_connection*, place>{connections_})
      at.connection->close("shutting down");
    io_.stop();
  });
}

link_context hub::context() const {
  std::lock_guard guard{context_mutex_};
  return context_;
}

result<void> hub::reload_certificates() {
  auto made = make_link_context(cfg_.files);
  if (!made)
    return tl::unexpected(made.error());
  auto expires = expiry_of(*made);
  if (!expires)
    return fail(ec::invalid_argument, cfg_.files.cert + ": " + expires.error().detail);
  std::lock_guard guard{context_mutex_};
  certificate_expires_ = *expires;
  context_ = std::move(*made);
  return {};
}

// -- for the layer above ----------------------------------------------------------

void hub::call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
               callback then) {
  auto bytes = link_cost(body.size());
  auto work = [this, node, kind, body = std::move(body), deadline, then]() mutable {
    core_.call(node, kind, std::move(body), deadline, std::move(then));
  };
  switch (inbox_->put(std::move(work), bytes)) {
  case link_inbox::verdict::taken:
    return;
  case link_inbox::verdict::full:
    return then(fail(ec::busy, "too much waits for the links"));
  case link_inbox::verdict::closed:
    return then(fail(ec::unavailable, "the links have ended"));
  }
}

void hub::tell(const std::string& node, uint16_t kind, std::string body) {
  auto bytes = link_cost(body.size());
  auto work = [this, node, kind, body = std::move(body)]() mutable {
    core_.tell(node, kind, std::move(body));
  };
  inbox_->put(std::move(work), bytes);
}

void hub::serve(uint16_t kind, handler who) {
  inbox_->run([this, kind, who = std::move(who)]() mutable { core_.serve(kind, std::move(who)); });
}

void hub::listen(link_listener& who) {
  inbox_->run([this, &who] { core_.listen(who); });
}

void hub::follow(std::vector<link_peer> peers) {
  inbox_->run([this, peers = std::move(peers)]() mutable {
    listed_.clear();
    for (auto& x : peers) {
      auto& known = listed_[x.node]; // With names only: empty, until it has come.
      for (auto& address : x.addresses)
        if (auto ip = ip_address::parse(split_address(address).first))
          known.insert(*ip);
    }
    expect();
    core_.follow(std::move(peers));
    look();
  });
}

link_report hub::report_now() const {
  return {core_.numbers(),
          core_.peer_numbers(),
          core_.totals(),
          connections_.size(),
          strangers_.size() + expected_.size(),
          gate_.turned_away(),
          pushed_out_,
          inbox_->refused(),
          certificate_expires_.load()};
}

void hub::report(std::function<void(link_report)> then) {
  inbox_->run([this, then = std::move(then)] { then(report_now()); });
}

void hub::publish() {
  board_->publish(report_now());
  board_timer_.expires_after(board_period);
  board_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && !stopping_)
      publish();
  });
}

// -- connections ------------------------------------------------------------------

void hub::look() {
  looks_at_ = mono_time::max();
  for (auto& one : core_.dials_due())
    add(tcp::socket{io_}, [](link_connection&) {}).dial(one);
  arm();
}

void hub::arm() {
  auto when = core_.next_dial();
  if (stopping_ || when >= looks_at_)
    return;
  looks_at_ = when;
  dial_timer_.expires_at(when);
  dial_timer_.async_wait([this](const error_code& why) {
    if (!why && !stopping_)
      look();
  });
}

void hub::accept() {
  acceptor_.async_accept([this](const error_code& why, tcp::socket socket) {
    if (stopping_ || why == asio::error::operation_aborted)
      return;
    if (!why) {
      greet(std::move(socket));
      return accept();
    }
    accept_timer_.expires_after(accept_pause);
    accept_timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled && !stopping_)
        accept();
    });
  });
}

void hub::greet(tcp::socket socket) {
  error_code gone;
  auto there = socket.remote_endpoint(gone);
  if (gone)
    return;
  auto from = address_of(there.address());
  auto as = gate_.admit(from, mono_now());
  if (as == link_gate::guest::turned_away)
    return;
  auto& among = as == link_gate::guest::node ? expected_ : strangers_;
  if (among.size() >= limits::link_strangers_max) {
    ++pushed_out_;
    auto oldest = connections_.at(among.front()).connection;
    oldest->close("too many strangers");
  }
  auto& made
      = add(std::move(socket), [this, from, as](link_connection& who) { settled(who, from, as); });
  auto& at = connections_.at(&made);
  at.among = &among;
  at.at = among.insert(among.end(), &made);
  made.accept();
}

link_connection& hub::add(tcp::socket socket, std::function<void(link_connection&)> settled) {
  auto made = std::make_shared<link_connection>(
      core_, cfg_.timing, std::move(socket), cfg_.insecure ? nullptr : context(),
      std::move(settled), [this](link_connection& who) { ended(who); });
  connections_.emplace(made.get(), place{made, nullptr, {}});
  return *made;
}

void hub::settled(link_connection& who, const ip_address& from, link_gate::guest as) {
  gate_.leave(from, as);
  auto& at = connections_.at(&who);
  if (auto* among = std::exchange(at.among, nullptr))
    among->erase(at.at);
  if (!who.was_up() || !listed_.contains(who.node()))
    return;
  auto [known, is_new] = proven_.try_emplace(who.node(), from);
  if (!is_new && known->second == from)
    return;
  known->second = from;
  expect();
}

/// Tells the gate whence nodes come: from where their records say, or from where they came last.
void hub::expect() {
  std::erase_if(proven_, [&](auto& x) { return !listed_.contains(x.first); });
  std::set<ip_address> all;
  for (auto& [node, addresses] : listed_)
    all.insert(addresses.begin(), addresses.end());
  for (auto& [node, address] : proven_)
    all.insert(address);
  gate_.expect(all);
}

void hub::ended(link_connection& who) {
  connections_.erase(&who);
  if (stopping_ && connections_.empty())
    io_.stop();
  arm();
}

} // namespace

result<std::unique_ptr<link_hub>> link_hub::start(link_hub_config cfg) {
  auto made = std::make_unique<hub>(std::move(cfg));
  if (auto opened = made->open(); !opened)
    return tl::unexpected(opened.error());
  return made;
}

} // namespace shoal::cluster
