// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"
#include "http/config.hpp"
#include "http/connection_ticket.hpp"
#include "http/message.hpp"
#include "http/stream.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <memory>
#include <optional>

namespace shoal::http {

namespace beast = boost::beast;

/// What is left of a connection whose client changed to another protocol.
struct taken_stream {
  stream bytes;
  std::string unread; ///< Came after the request: the first bytes of the other protocol.
  endpoint peer;
  connection_ticket ticket; ///< Keep it as long as the stream.
};

/// One client's stream with the parser on it. Deadlines are not timers: the edge sweeps its
/// connections once a second and cuts those that are overdue.
class connection {
public:
  /// @param peer where the bytes come from. @param unread bytes that were received already.
  connection(stream bytes, const endpoint& peer, const http_config& config,
             connection_ticket ticket, std::string_view unread = {});

  /// Where the bytes come from; a proxy if there is one.
  const endpoint& peer() const { return peer_; }

  /// Reads the header of the PROXY protocol, before anything else. @returns whether there was one.
  task<bool> read_proxy_header();

  /// Encrypts what follows. @returns whether the client could agree.
  task<bool> start_tls(ssl_ctx_st& context);

  /// It counts otherwise from now on.
  void change_ticket(connection_ticket to) { ticket_ = std::move(to); }

  /// Reads up to the end of the next request's header.
  /// @returns nothing when the client closed in between requests.
  /// @errors ec::invalid_argument, ec::too_large (431), ec::unsupported, ec::unavailable (cut off).
  task<result<bool>> read_head();

  /// Valid after `read_head` returned true, until the next one.
  const beast::http::request_header<beast::http::fields>& head() const {
    return parser_->get().base();
  }

  /// Bytes that it took.
  size_t head_bytes() const { return head_bytes_; }

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

  /// Whether all bytes have to pass through `write`.
  bool encrypted() const { return stream_.encrypted(); }

  /// For system calls on the disk pool while this task waits for them; only if not encrypted.
  int native_handle() { return stream_.next_layer().native_handle(); }

  /// Gives the stream away after a request that asked for another protocol and has no body. The
  /// request stays readable until the exchange ends; nothing is sent any more.
  taken_stream take();

  bool taken() const { return taken_; }

  /// The current exchange is the last one.
  void close_after_exchange() { closing_ = true; }

  /// Whether no request is in work, so that a shutdown may cut the connection.
  bool idle() const { return idle_; }

  /// Nothing of its first request has been read.
  bool is_new() const { return is_new_; }

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

  /// Waits until the socket is ready. @returns false if the connection is cut.
  task<bool> ready(tcp_socket::wait_type what);

  /// The client has got this long to move the next bytes.
  void touch() { deadline_ = mono_now() + config_.stall_timeout; }

  /// Receives more bytes into the buffer. @returns false at the end of the stream.
  /// @errors ec::too_large: the parser cannot make use of a full buffer.
  task<result<bool>> receive();

  stream stream_;
  const http_config& config_;
  endpoint peer_;
  connection_ticket ticket_;
  beast::flat_buffer buffer_;
  std::optional<parser> parser_;
  size_t head_bytes_ = 0;
  mono_time deadline_;
  bool continue_sent_ = false;
  bool closing_ = false;
  bool taken_ = false;
  bool waiting_ = false; // For the client.
  bool ended_ = false;   // No more bytes will come.
  bool idle_ = true;
  bool is_new_ = true;
};

} // namespace shoal::http
