// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_calls.hpp"

#include <memory>
#include <optional>
#include <string>

namespace shoal::coordination {

/// Cuts what etcd streams on a watch into what a `watcher` is told: whole revisions, in order.
/// Of a message in fragments the last revision is held back until the rest of it has come.
class etcd_watch_reader {
public:
  /// @param from_revision as given to `store::follow`.
  explicit etcd_watch_reader(uint64_t from_revision) : from_{from_revision} {}

  /// @returns why the watch ends, if it does. Stops when `going` becomes false in between.
  std::optional<error> read(const etcd::watch_message& message, watcher& who, const bool& going);

  bool started() const { return started_; }

private:
  std::optional<error> start(const etcd::watch_message& message, watcher& who);
  std::optional<error> take(const etcd::watch_message& message, watcher& who, const bool& going);

  const uint64_t from_;
  bool started_ = false;
  uint64_t told_ = 0; ///< The last revision that the watcher knows whole.
  size_t held_bytes_ = 0;
  std::vector<watch_event> held_; ///< Of one revision.
};

/// One watch: a connection that streams, and another by which a silent member is asked whether it
/// is there, as one that is stopped keeps its connections.
class etcd_watch : public std::enable_shared_from_this<etcd_watch> {
public:
  /// @param ended called once, after the watcher was told.
  etcd_watch(asio::io_context& io, std::shared_ptr<etcd_calls> calls, const etcd_config& cfg,
             watcher& who, uint64_t from_revision, std::function<void()> ended);

  /// @param body of etcd::encode_watch.
  void start(std::string body);

  /// Nothing more is told. Closes all.
  void stop();

  /// Tells the watcher why, then stops.
  void lose(error why);

private:
  void advance();
  void connect();
  void ask();
  void on_text(std::string_view text);
  void on_line(std::string_view line);
  void on_failure(const etcd::failure& what);
  void on_end(const etcd_answer& got);
  void try_elsewhere(const error& why);
  void leave_connection();

  void check_later();
  void check();
  void probe();
  void on_probe(const etcd_answer& got);

  std::shared_ptr<etcd_calls> calls_;
  const etcd_config cfg_;
  watcher& who_;
  std::function<void()> ended_;
  etcd_watch_reader reader_;

  std::string body_;
  std::string token_;
  std::string line_; ///< Not yet whole.
  std::shared_ptr<etcd_connection> connection_;
  std::shared_ptr<etcd_connection> prober_;
  asio::steady_timer timer_;
  etcd_endpoints::mask tried_ = 0;
  size_t endpoint_ = 0;
  unsigned logins_ = 0;
  bool going_ = true;
  bool heard_ = false;   ///< Since the last check.
  bool probing_ = false; ///< Since the last check, without an answer.
};

} // namespace shoal::coordination
