// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"
#include "http/config.hpp"
#include "http/message.hpp"
#include "http/task.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <memory>
#include <optional>

namespace shoal::http {

namespace beast = boost::beast;

/// One client's socket with the parser on it. Deadlines are not timers: the edge sweeps its
/// connections once a second and cuts those that are overdue.
class connection {
public:
  connection(tcp_socket socket, const http_config& config);

  /// Where the bytes come from; a proxy if there is one.
  const endpoint& peer() const { return peer_; }

  /// Reads up to the end of the next request's header.
  /// @returns nothing when the client closed in between requests.
  /// @errors ec::invalid_argument, ec::too_large (431), ec::unsupported, ec::unavailable (cut off).
  task<result<bool>> read_head();

  /// Valid after `read_head` returned true, until the next one.
  const beast::http::request_header<beast::http::fields>& head() const {
    return parser_->get().base();
  }

  bool keep_alive() const;

  /// The body's length if the client said it; nothing for chunked bodies.
  std::optional<uint64_t> body_length() const;

  bool has_body() const { return !parser_->is_done(); }

  /// Reads some of the body. @returns the number of bytes, 0 at its end.
  /// @errors ec::invalid_argument (cut off as well), ec::too_large.
  task<result<size_t>> read_some(std::span<uint8_t> out);

  /// Writes all of `bytes`. @returns false if the client is gone.
  task<bool> write(std::string_view bytes);
  task<bool> write(std::string_view head, std::string_view body);

  /// Waits until the socket takes more bytes. @returns false if the client is gone.
  task<bool> writable();

  /// For system calls on the disk pool while this task waits for them.
  int native_handle() { return socket_.native_handle(); }

  /// The current exchange is the last one.
  void close_after_exchange() { closing_ = true; }

  /// Whether no request is in work, so that a shutdown may cut the connection.
  bool idle() const { return idle_; }

  /// Whether the client keeps us waiting for too long. Time that the node itself takes is not its
  /// fault.
  bool overdue(mono_time now) const { return waiting_ && now > deadline_; }

  /// Makes every pending operation fail; the task that owns the connection ends soon after.
  void cut();

  /// Sends FIN and, if the client is still sending, gives it the time to read what was written.
  task<> finish();

private:
  using parser = beast::http::request_parser<beast::http::buffer_body>;

  void skip_empty_lines();

  /// The client has got this long to move the next bytes.
  void touch() { deadline_ = mono_now() + config_.stall_timeout; }

  /// Receives more bytes into the buffer. @returns false at the end of the stream.
  /// @errors ec::too_large: the parser cannot make use of a full buffer.
  task<result<bool>> receive();

  tcp_socket socket_;
  const http_config& config_;
  endpoint peer_;
  beast::flat_buffer buffer_;
  std::optional<parser> parser_;
  mono_time deadline_;
  bool continue_sent_ = false;
  bool closing_ = false;
  bool waiting_ = false; // For the client.
  bool ended_ = false;   // No more bytes will come.
  bool idle_ = true;
};

} // namespace shoal::http
