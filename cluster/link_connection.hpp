// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_core.hpp"
#include "cluster/link_stream.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <memory>

namespace shoal::cluster {

/// A session with its socket: carries bytes and time to and fro.
class link_connection : public std::enable_shared_from_this<link_connection> {
public:
  using tcp = asio::ip::tcp;

  /// @param core outlives this. @param settled called once, when the other side is a stranger no
  /// more or gone; @param ended called once, after all else.
  link_connection(link_core& core, link_timing timing, tcp::socket socket, link_context tls,
                  std::function<void(link_connection&)> settled,
                  std::function<void(link_connection&)> ended);

  void dial(link_core::dial what);
  void accept();

  /// Whether there was a link.
  bool was_up() const { return session_ && session_->was_up(); }

  /// The other side, if there was a link.
  const std::string& node() const { return session_->other().node; }

  /// Without a farewell.
  void close(const std::string& why);

private:
  using error_code = boost::system::error_code;
  static constexpr size_t read_bytes = 32 * 1024;

  void limit_greeting();
  void opened(const error_code& why);
  void settle();
  void plan_flush();
  void flush();
  void on_written(const error_code& why);
  void read_more();
  void on_read(const error_code& why, size_t n);
  void arm();
  void on_time();
  void linger();
  void limit_closing();
  void end(const error& why);

  link_core& core_;
  const link_timing timing_;
  link_stream stream_;
  asio::steady_timer timer_;
  std::function<void(link_connection&)> settled_;
  std::function<void(link_connection&)> ended_;
  std::optional<link_core::dial> dial_; ///< Until it has become a session.
  std::shared_ptr<link_session> session_;
  std::string out_;
  std::unique_ptr<std::array<char, read_bytes>> in_;
  mono_time armed_ = mono_time::max();
  bool flush_planned_ = false;
  bool writing_ = false;
  bool closing_ = false; ///< The time for the last words is limited.
  bool lingering_ = false;
  bool over_ = false;
};

} // namespace shoal::cluster
