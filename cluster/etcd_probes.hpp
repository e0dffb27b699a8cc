// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_calls.hpp"

#include <boost/asio/steady_timer.hpp>

namespace shoal::coordination {

/// Asks endpoints that do no work, one after the other and again and again, whether they are there,
/// so that whoever looks knows that a member is lost before the next one is. No request goes by it.
class etcd_probes : public std::enable_shared_from_this<etcd_probes> {
public:
  etcd_probes(asio::io_context& io, std::shared_ptr<etcd_calls> calls, const etcd_config& cfg)
      : timer_{io}, calls_{std::move(calls)}, cfg_{cfg} {}

  /// Does nothing if there is a single endpoint, or no period.
  void start();
  void stop();

private:
  using connection_ptr = std::shared_ptr<etcd_connection>;

  void wait();
  void ask_next();
  void ask(const connection_ptr& by);
  void on_answer(const connection_ptr& by, bool up);

  asio::steady_timer timer_;
  std::shared_ptr<etcd_calls> calls_;
  const etcd_config cfg_;
  connection_ptr connection_; ///< To `next_`, while it is asked.
  size_t next_ = 0;
  bool stopped_ = false;
};

} // namespace shoal::coordination
