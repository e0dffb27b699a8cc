// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_codec.hpp"
#include "cluster/etcd_endpoints.hpp"
#include "cluster/etcd_login.hpp"
#include "cluster/etcd_pool.hpp"
#include "core/clock.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

namespace shoal::coordination {

/// Requests that have one answer: each gets a connection, a token, another endpoint if the first
/// fails, and an end by its deadline. What is certain about a request that failed decides whether
/// it is asked again: what may have been done is so only if doing it twice does no harm.
class etcd_calls : public std::enable_shared_from_this<etcd_calls> {
public:
  /// Gets the body of a successful answer. Errors: see `store`.
  using answered = std::function<void(result<std::string>)>;

  struct question {
    std::string_view path; ///< Of etcd::path.
    std::string body;
    bool repeatable = false; ///< Doing it twice does no harm.
    mono_time deadline;
  };

  etcd_calls(asio::io_context& io, asio::ssl::context tls, const etcd_config& cfg,
             std::vector<etcd_endpoint> endpoints);

  void ask(question what, answered then);

  /// @returns a connection that is not open yet and none of the pool's.
  std::shared_ptr<etcd_connection> make_connection(size_t endpoint);

  /// Answers everything with ec::shutting_down, and whatever is asked from now on.
  void stop();

  etcd_endpoints& endpoints() { return endpoints_; }
  etcd_login& login() { return login_; }
  const etcd_pool& pool() const { return pool_; }
  size_t in_flight() const { return calls_.size(); }
  uint64_t connects() const { return connects_; }

private:
  struct call;
  using call_ptr = std::shared_ptr<call>;
  using connection_ptr = std::shared_ptr<etcd_connection>;

  void refuse(answered then, error why);
  void begin(question what, bool with_token, answered then);
  void log_in(etcd_login::answered then);

  void advance(const call_ptr& c);
  void connect(const call_ptr& c, size_t endpoint);
  void send(const call_ptr& c);
  void on_answer(const call_ptr& c, etcd_answer got);
  void on_failure(const call_ptr& c, etcd::failure got);
  void on_lost(const call_ptr& c, const error& why, bool was_reused);
  void try_elsewhere(const call_ptr& c, const error& why);

  void wake(const call_ptr& c, mono_time at);
  void on_wake(const call_ptr& c);
  void on_silence(const call_ptr& c);

  void leave_connection(const call_ptr& c, bool keep);
  void finish(const call_ptr& c, result<std::string> outcome);
  void start_waiting();

  asio::io_context& io_;
  asio::ssl::context tls_;
  const etcd_config cfg_;
  etcd_endpoints endpoints_;
  etcd_pool pool_;
  etcd_login login_;
  std::unordered_map<uint64_t, call_ptr> calls_;
  std::deque<call_ptr> waiting_; ///< For a connection.
  uint64_t next_id_ = 0;
  uint64_t connects_ = 0;
  bool stopped_ = false;
};

} // namespace shoal::coordination
