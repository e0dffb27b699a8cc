// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_inquiry.hpp"
#include "http/connection.hpp"
#include "http/services.hpp"
#include "persistence/object_store.hpp"
#include "protocol/query.hpp"

#include <memory>

namespace shoal::http {

struct route;
class object_relay;
class websocket_hub;

/// A part of an object to send as a body.
struct object_body {
  object_store::reader object;
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// One request and its answer. Handlers get it by reference and answer exactly once.
class exchange {
public:
  /// @param far null: the node is alone.
  exchange(connection& conn, edge_port& port, websocket_hub& websockets, object_relay* far,
           const services& srv);

  // -- the request ---------------------------------------------------------------

  method verb() const { return verb_; }
  std::string_view path() const { return path_; }       ///< Raw, without the query.
  std::string_view query() const { return query_; }     ///< Raw, without '?'.
  std::string_view header(std::string_view name) const; ///< Empty if absent; any case.

  /// The client's address: behind trusted proxies the one that they forward.
  const ip_address& client() const { return client_; }

  /// The client's endpoint; the port means little behind a proxy.
  const endpoint& peer() const { return conn_.peer(); }

  /// Bytes of the request line and the headers.
  size_t head_bytes() const { return conn_.head_bytes(); }

  /// A decoded part of the path, as the route's template names it.
  const std::string& param(std::string_view name) const;

  /// Decoded query parameters. @errors ec::invalid_argument, ec::too_large.
  result<query_params> params() const { return query_params::parse(query_); }

  /// "https://host" without a slash at the end: as configured, else from the Host header.
  std::string base_url() const;

  /// Reads the whole body. @errors ec::too_large, ec::invalid_argument (cut off as well).
  task<result<std::string>> read_body(size_t bytes_max);

  /// Reads some of the body; 0 at its end.
  task<result<size_t>> read_some(std::span<uint8_t> out) { return conn_.read_some(out); }
  std::optional<uint64_t> body_length() const { return conn_.body_length(); }

  // -- the world -------------------------------------------------------------------

  const services& srv() const { return srv_; }
  shoal::node& node() const { return srv_.node; }
  const http_config& config() const { return srv_.config; }

  /// Asks an actor. @param elsewhere it may take long: run it on CAF's scheduler.
  template <class Reply, class Target, class Message>
  task<result<Reply>> ask(const Target& target, Message message, bool elsewhere = false);

  /// Asks several actors at the same time. @returns their answers in the order of the questions.
  template <class Reply, class Target, class Message>
  task<std::vector<result<Reply>>> ask_all(std::vector<std::pair<Target, Message>> questions,
                                           bool elsewhere = false);

  /// Where to hand a stream to whose client wants to speak WebSocket.
  websocket_hub& websockets() { return websockets_; }

  /// Who brings objects from other nodes; null: the node is alone.
  object_relay* far() const { return far_; }

  /// Asks whether a swarm is registered that this node does not know.
  task<inquiry_outcome> inquire(info_hash swarm);

  /// Sends an announce to its swarm. @returns nothing if no answer came in time.
  task<std::optional<announce_reply>> announce(announce_request req, swarm_actor swarm);

  /// How to ask for a swarm's numbers, see edge_port.
  std::optional<scraped_swarm> plan_scrape(uint32_t index, const info_hash& swarm,
                                           swarm_actor known) const {
    return port_.plan_scrape(index, swarm, std::move(known));
  }

  /// Asks swarms for their numbers. @param numbers what `index` means; outlives the call. Those of
  /// swarms that do not answer in time stay as they are.
  task<> scrape(std::vector<scraped_swarm> swarms, std::span<swarm_numbers> numbers);

  /// Runs `work` on the disk pool.
  template <class Work>
  auto on_disk(Work work) {
    return run_on(srv_.disk, std::move(work));
  }

  // -- the answer --------------------------------------------------------------------

  /// Sends an answer; only its head if the request was HEAD.
  task<> send(response r);

  /// Sends bytes that are a whole answer already, head included.
  task<> send_raw(std::string_view bytes);

  /// Sends part of a file without holding it in memory.
  task<> send_file(response head, object_body body);

  /// The same after `send_head`, as far as the connection takes it. @returns false if the client is
  /// gone, or the file not what it was.
  task<bool> send_file_piece(object_body& body);

  /// The files that follow are sent at the pace of whoever that is: see download_pacer.
  void pace_as(uint64_t whom) { paced_as_ = whom; }

  /// Sends zeros (BEP 47 pads).
  task<> send_zeros(response head, uint64_t length);

  /// Sends the head of an answer whose body comes in pieces. @returns whether the body is to
  /// follow: not to HEAD, nor to a client that is gone.
  task<bool> send_head(response& r, uint64_t length);

  /// @returns false if the client is gone.
  task<bool> send_piece(std::string_view bytes);

  /// There is no more of the body, so that the client must see the connection end.
  void cut_short() { conn_.close_after_exchange(); }

  /// Gives the client's stream to who speaks the protocol that the client asked for. The request
  /// stays readable until the handler returns; nothing can be sent any more.
  taken_stream take_stream() { return conn_.take(); }

  bool answered() const { return answered_; }
  unsigned status() const { return status_; }

  /// Whether another request may follow; for the heads of `send_raw`.
  bool keep_alive() const { return conn_.keep_alive() && !conn_.has_body(); }

private:
  friend class edge;
  friend class router;

  /// @returns how many of the bytes may be sent now, at least one; waits for that if need be.
  task<uint64_t> await_turn(uint64_t bytes);
  void count_sent(uint64_t bytes);

  task<bool> send_file_plain(object_body& body);
  task<bool> send_file_encrypted(object_body& body);
  ip_address forwarded_client() const;

  connection& conn_;
  edge_port& port_;
  websocket_hub& websockets_;
  object_relay* far_;
  const services& srv_;
  method verb_ = method::other;
  std::string_view path_;
  std::string_view query_;
  ip_address client_;
  std::vector<std::pair<std::string_view, std::string>> params_; // Names belong to the route.
  std::optional<uint64_t> paced_as_;
  uint64_t granted_bytes_ = 0; // By the pacer, not yet sent.
  bool answered_ = false;
  unsigned status_ = 0;
};

namespace detail {

template <class Handler>
struct announce_waiter : announce_sink {
  explicit announce_waiter(Handler h) : handler{std::move(h)} {}

  void on_reply(announce_reply* reply) override {
    auto resume = std::move(handler);
    delete this;
    resume(reply ? std::optional{std::move(*reply)} : std::nullopt);
  }

  Handler handler;
};

/// Fills in the numbers that swarms give.
template <class Handler>
struct scrape_waiter : scrape_sink {
  scrape_waiter(Handler h, std::span<swarm_numbers> to) : handler{std::move(h)}, numbers{to} {}

  void on_numbers(uint32_t index, const swarm_numbers& x) override { numbers[index] = x; }
  void on_scraped() override {
    auto resume = std::move(handler);
    delete this;
    resume();
  }

  Handler handler;
  std::span<swarm_numbers> numbers;
};

/// Waits for the last of several answers.
template <class Handler, class Reply>
struct gatherer {
  gatherer(Handler h, size_t count) : handler{std::move(h)}, left{count} {
    replies.resize(count, result<Reply>{fail(ec::unavailable)});
  }

  void put(size_t index, result<Reply> reply) {
    replies[index] = std::move(reply);
    if (--left == 0)
      handler(std::move(replies));
  }

  Handler handler;
  size_t left;
  std::vector<result<Reply>> replies;
};

} // namespace detail

template <class Reply, class Target, class Message>
task<result<Reply>> exchange::ask(const Target& target, Message message, bool elsewhere) {
  auto start = [&](auto handler) {
    port_.ask<Reply>(target, std::move(message), std::move(handler), elsewhere);
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(result<Reply>)>(start, use_task);
}

template <class Reply, class Target, class Message>
task<std::vector<result<Reply>>>
exchange::ask_all(std::vector<std::pair<Target, Message>> questions, bool elsewhere) {
  using replies = std::vector<result<Reply>>;
  if (questions.empty())
    co_return replies{};
  auto start = [&](auto handler) {
    using waiting = detail::gatherer<decltype(handler), Reply>;
    auto shared = std::make_shared<waiting>(std::move(handler), questions.size());
    for (size_t i = 0; i < questions.size(); ++i)
      port_.ask<Reply>(
          questions[i].first, std::move(questions[i].second),
          [shared, i](result<Reply> reply) { shared->put(i, std::move(reply)); }, elsewhere);
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void(replies)>(
      start, use_task);
}

} // namespace shoal::http
