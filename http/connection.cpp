// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include "core/hex.hpp"
#include "protocol/proxy_header.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>

#include <cstring>
#include <sys/socket.h>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;
namespace bhttp = beast::http;

constexpr size_t read_bytes = 16 * 1024;

/// A connection that waits for a request, maybe for long, holds no more than this.
constexpr size_t idle_read_bytes = 2 * 1024;

/// A client that still sends when it was answered gets this long to see the answer.
constexpr std::chrono::seconds linger_timeout{2};

error parse_failure(const error_code& why) {
  if (why == bhttp::error::header_limit || why == bhttp::error::buffer_overflow)
    return {ec::too_large, "the request header is too large"};
  return {ec::invalid_argument, why.message()};
}

/// Faults that Beast lets pass. A proxy may see the end of such a request elsewhere than we do, and
/// what follows would be a request that it never saw. @source RFC 9112 3.2, 6.1, 6.3
result<void> check_framing(const bhttp::request_header<bhttp::fields>& head) {
  if (head.count(bhttp::field::host) > 1)
    return fail(ec::invalid_argument, "more than one Host");
  if (head.count(bhttp::field::transfer_encoding) == 0)
    return {};
  if (head.version() < 11)
    return fail(ec::invalid_argument, "HTTP/1.0 has no Transfer-Encoding");
  if (!beast::iequals(head[bhttp::field::transfer_encoding], "chunked"))
    return fail(ec::unsupported, "a Transfer-Encoding other than chunked");
  return {};
}

} // namespace

connection::connection(stream bytes, const endpoint& peer, const http_config& config,
                       connection_ticket ticket, std::string_view unread)
    : stream_{std::move(bytes)}, config_{config}, peer_{peer}, ticket_{std::move(ticket)},
      buffer_{limits::http_header_bytes_max + read_bytes}, deadline_{mono_now()
                                                                     + config.header_timeout} {
  error_code ignored;
  stream_.next_layer().set_option(asio::ip::tcp::no_delay{true}, ignored);
  stream_.next_layer().non_blocking(true, ignored);
  buffer_.commit(asio::buffer_copy(buffer_.prepare(unread.size()), asio::buffer(unread)));
}

taken_stream connection::take() {
  taken_ = true;
  std::string unread{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  return {std::move(stream_), std::move(unread), peer_, std::move(ticket_)};
}

task<bool> connection::read_proxy_header() {
  auto& socket = stream_.next_layer();
  std::string header;
  std::array<char, limits::proxy_header_bytes_max> seen;
  for (;;) {
    auto may_read = co_await ready(tcp_socket::wait_read);
    if (!may_read)
      co_return false;
    // What follows the header stays where it is: it may be for TLS.
    auto n = ::recv(socket.native_handle(), seen.data(), seen.size(), MSG_PEEK);
    if (n < 0 && errno == EAGAIN)
      continue;
    if (n <= 0)
      co_return false;
    auto before = header.size();
    header.append(seen.data(), static_cast<size_t>(n));
    auto parsed = parse_proxy_header(as_bytes(header));
    if (!parsed)
      co_return false;
    auto complete = parsed->has_value();
    auto used = complete ? (*parsed)->size - before : static_cast<size_t>(n);
    if (::recv(socket.native_handle(), seen.data(), used, 0) != static_cast<ssize_t>(used))
      co_return false;
    if (complete && (*parsed)->source)
      peer_ = *(*parsed)->source;
    if (complete)
      co_return true;
  }
}

task<bool> connection::start_tls(ssl_ctx_st& context) {
  stream_ = stream{std::move(stream_.next_layer()), context};
  error_code failed;
  waiting_ = true;
  co_await stream_.async_handshake(asio::redirect_error(use_task, failed));
  waiting_ = false;
  co_return !failed;
}

task<result<bool>> connection::receive() {
  // The parser takes chunk extensions and trailers whole: no header limit holds for them.
  if (buffer_.size() + read_bytes > buffer_.max_size())
    co_return fail(ec::too_large, "a line of the request is too long");
  error_code failed;
  waiting_ = true;
  auto room = buffer_.prepare(idle_ ? idle_read_bytes : read_bytes);
  auto n = co_await stream_.async_read_some(room, asio::redirect_error(use_task, failed));
  waiting_ = false;
  buffer_.commit(n);
  ended_ = failed.failed();
  if (failed == asio::error::eof)
    co_return false;
  if (failed)
    co_return fail(ec::unavailable, failed.message());
  co_return true;
}

task<result<bool>> connection::read_head() {
  auto first = !parser_;
  parser_.emplace();
  head_bytes_ = 0;
  parser_->header_limit(limits::http_header_bytes_max);
  // Each route has a bound of its own. (Beast 1.74 takes boost::none for 0.)
  parser_->body_limit(UINT64_MAX);
  continue_sent_ = false;
  idle_ = buffer_.size() == 0;
  // Set once per header, so that it does not help to send it byte by byte.
  deadline_ = mono_now() + (idle_ && !first ? config_.idle_timeout : config_.header_timeout);
  while (!parser_->is_header_done()) {
    skip_empty_lines();
    if (buffer_.size() > 0) {
      error_code failed;
      auto used = parser_->put(buffer_.data(), failed);
      buffer_.consume(used);
      head_bytes_ += used;
      if (failed && failed != bhttp::error::need_more)
        co_return tl::unexpected{parse_failure(failed)};
      if (!failed)
        continue;
      if (buffer_.size() >= limits::http_header_bytes_max)
        co_return fail(ec::too_large, "the request header is too large");
    }
    auto more = co_await receive();
    if (!more)
      co_return more;
    if (!*more) {
      if (idle_)
        co_return false;
      co_return fail(ec::unavailable, "the client closed amidst a request");
    }
    is_new_ = false;
    if (std::exchange(idle_, false))
      deadline_ = mono_now() + config_.header_timeout;
  }
  if (auto sound = check_framing(head()); !sound)
    co_return tl::unexpected{sound.error()};
  co_return true;
}

void connection::skip_empty_lines() {
  // Some clients end a body with one. @source RFC 9112 2.2
  while (!parser_->got_some() && buffer_.size() >= 2
         && std::memcmp(buffer_.data().data(), "\r\n", 2) == 0)
    buffer_.consume(2);
}

bool connection::keep_alive() const {
  // An old client would have to be told that the connection stays open; it may open another.
  return head().version() >= 11 && parser_->keep_alive() && !closing_;
}

std::optional<uint64_t> connection::body_length() const {
  if (parser_->chunked())
    return std::nullopt;
  auto length = parser_->content_length();
  return length ? uint64_t{*length} : 0;
}

task<result<size_t>> connection::read_some(std::span<uint8_t> out) {
  auto waits = beast::iequals(head()[bhttp::field::expect], "100-continue");
  if (waits && !continue_sent_ && head().version() >= 11) {
    continue_sent_ = true;
    auto sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent)
      co_return fail(ec::invalid_argument, "the client is gone");
  }
  auto& body = parser_->get().body();
  body.data = out.data();
  body.size = out.size();
  body.more = true;
  while (!parser_->is_done() && body.size == out.size()) {
    error_code failed = bhttp::error::need_more;
    if (buffer_.size() > 0) {
      failed = {};
      buffer_.consume(parser_->put(buffer_.data(), failed));
    }
    if (failed == bhttp::error::need_more) {
      touch();
      auto more = co_await receive();
      if (!more && more.error().code == ec::too_large)
        co_return tl::unexpected{more.error()};
      // Its fault, not ours: nothing for the log.
      if (!more || !*more)
        co_return fail(ec::invalid_argument, "the client closed amidst a body");
    } else if (failed && failed != bhttp::error::need_buffer) {
      co_return tl::unexpected{parse_failure(failed)};
    }
  }
  co_return out.size() - body.size;
}

task<bool> connection::write(std::string_view bytes) {
  return write(bytes, {});
}

task<bool> connection::write(std::string_view head, std::string_view body) {
  std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(body)};
  // In pieces, so that a slow reader that does read is not taken for a stalled one.
  while (buffers[0].size() + buffers[1].size() > 0) {
    error_code failed;
    touch();
    waiting_ = true;
    auto n = co_await stream_.async_write_some(buffers, asio::redirect_error(use_task, failed));
    waiting_ = false;
    ended_ = failed.failed();
    if (failed)
      co_return false;
    auto from_head = std::min(n, buffers[0].size());
    buffers[0] += from_head;
    buffers[1] += n - from_head;
  }
  co_return true;
}

task<bool> connection::writable() {
  touch();
  return ready(tcp_socket::wait_write);
}

task<bool> connection::ready(tcp_socket::wait_type what) {
  error_code failed;
  waiting_ = true;
  co_await stream_.next_layer().async_wait(what, asio::redirect_error(use_task, failed));
  waiting_ = false;
  co_return !failed;
}

void connection::cut() {
  // Not close(): a thread of the disk pool may be using the descriptor right now.
  error_code ignored;
  auto& socket = stream_.next_layer();
  socket.shutdown(tcp_socket::shutdown_both, ignored);
  socket.cancel(ignored);
}

task<> connection::finish() {
  if (taken_)
    co_return;
  stream_.shutdown_send();
  // Closing with bytes unread resets the connection, which may take the answer with it.
  idle_ = true;
  is_new_ = false;
  deadline_ = mono_now() + linger_timeout;
  auto unread = !parser_ || !parser_->is_done() || buffer_.size() > 0;
  while (unread && !ended_) {
    buffer_.clear();
    auto more = co_await receive();
    unread = more.value_or(false);
  }
}

} // namespace shoal::http
