// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/net.hpp"
#include "http/task.hpp"

#include <boost/asio/compose.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <memory>

struct ssl_ctx_st;
struct ssl_st;

namespace shoal::http {

endpoint to_endpoint(const asio::ip::tcp::endpoint& from);

namespace detail {

using error_code = boost::system::error_code;

struct ssl_deleter {
  void operator()(ssl_st* ssl) const;
};

using ssl_handle = std::unique_ptr<ssl_st, ssl_deleter>;

/// How far one non-blocking call into OpenSSL came.
struct tls_step {
  enum class want : uint8_t { nothing, read, write };

  want wants = want::nothing; ///< The socket must become ready for this first.
  size_t bytes = 0;
  error_code failed;
};

tls_step tls_accept(ssl_st& ssl);
tls_step tls_connect(ssl_st& ssl);
tls_step tls_read(ssl_st& ssl, asio::mutable_buffer out);
tls_step tls_write(ssl_st& ssl, asio::const_buffer bytes);

/// One record's worth. Small pieces are joined, as each call makes a record and a packet.
inline constexpr size_t tls_record_bytes_max = 16 * 1024;

template <class Buffers>
tls_step tls_read_some(ssl_st& ssl, const Buffers& buffers) {
  for (auto i = asio::buffer_sequence_begin(buffers); i != asio::buffer_sequence_end(buffers); ++i)
    if (asio::mutable_buffer first{*i}; first.size() > 0)
      return tls_read(ssl, first);
  return {};
}

template <class Buffers>
tls_step tls_write_some(ssl_st& ssl, const Buffers& buffers) {
  auto total = asio::buffer_size(buffers);
  for (auto i = asio::buffer_sequence_begin(buffers); i != asio::buffer_sequence_end(buffers);
       ++i) {
    asio::const_buffer first{*i};
    if (first.size() == 0)
      continue;
    if (first.size() == total || first.size() >= tls_record_bytes_max)
      return tls_write(ssl, first);
    // Not initialised: as much is read as was written.
    std::array<char, tls_record_bytes_max> joined;
    auto n = asio::buffer_copy(asio::buffer(joined), buffers);
    return tls_write(ssl, asio::buffer(joined, n));
  }
  return {};
}

/// Repeats a call into OpenSSL until it need not wait for the socket.
template <class Step>
class tls_operation {
public:
  tls_operation(tcp_socket& socket, Step step) : socket_{&socket}, step_{std::move(step)} {}

  template <class Self>
  void operator()(Self& self, error_code failed = {}) {
    if (finished_ || failed)
      return complete(self, failed ? failed : last_.failed);
    last_ = step_();
    auto* socket = socket_;
    if (last_.wants != tls_step::want::nothing) {
      waited_ = true;
      auto for_what
          = last_.wants == tls_step::want::read ? tcp_socket::wait_read : tcp_socket::wait_write;
      socket->async_wait(for_what, std::move(self));
    } else if (waited_) {
      complete(self, last_.failed);
    } else {
      // A handler never runs inside of the call that starts its operation.
      finished_ = true;
      asio::post(socket->get_executor(), std::move(self));
    }
  }

private:
  template <class Self>
  void complete(Self& self, error_code failed) {
    self.complete(failed, failed ? 0 : last_.bytes);
  }

  tcp_socket* socket_;
  Step step_;
  tls_step last_;
  bool waited_ = false;
  bool finished_ = false;
};

} // namespace detail

/// The bytes of one TCP connection, plain or inside of TLS; which one is decided once, when it is
/// made. Satisfies Beast's AsyncReadStream and AsyncWriteStream and can be the next layer of its
/// WebSocket. One read and one write may be pending at a time, on the edge's thread. May be moved
/// while nothing is pending.
///
/// OpenSSL works on the descriptor itself instead of through asio::ssl::stream, whose buffers take
/// 70 KB for as long as the connection lives; here an idle one keeps none.
class stream {
public:
  using executor_type = executor;
  using next_layer_type = tcp_socket;
  using error_code = boost::system::error_code;

  explicit stream(tcp_socket socket);

  /// Bytes of TLS: nothing can be read or written before `async_handshake`.
  stream(tcp_socket socket, ssl_ctx_st& tls);

  executor_type get_executor() { return socket_.get_executor(); }
  tcp_socket& next_layer() { return socket_; }
  const tcp_socket& next_layer() const { return socket_; }

  /// Whether descriptors may not be written to directly (sendfile).
  bool encrypted() const { return tls_ != nullptr; }

  /// TLS only: the server's part of the handshake. Completes with (error_code, size_t).
  template <class Token>
  auto async_handshake(Token&& token) {
    auto step = [ssl = tls_.get()] { return detail::tls_accept(*ssl); };
    return asio::async_compose<Token, void(error_code, size_t)>(
        detail::tls_operation{socket_, step}, token, socket_);
  }

  /// TLS only: the client's part of it.
  template <class Token>
  auto async_connect_tls(Token&& token) {
    auto step = [ssl = tls_.get()] { return detail::tls_connect(*ssl); };
    return asio::async_compose<Token, void(error_code, size_t)>(
        detail::tls_operation{socket_, step}, token, socket_);
  }

  /// Null if not encrypted.
  ssl_st* tls() const { return tls_.get(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    auto start = [this](auto&& handler, const Buffers& into) {
      if (!tls_)
        return socket_.async_read_some(into, std::forward<decltype(handler)>(handler));
      auto step = [ssl = tls_.get(), into] { return detail::tls_read_some(*ssl, into); };
      run(step, handler);
    };
    return asio::async_initiate<Token, void(error_code, size_t)>(start, token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    auto start = [this](auto&& handler, const Buffers& from) {
      if (!tls_)
        return socket_.async_write_some(from, std::forward<decltype(handler)>(handler));
      auto step = [ssl = tls_.get(), from] { return detail::tls_write_some(*ssl, from); };
      run(step, handler);
    };
    return asio::async_initiate<Token, void(error_code, size_t)>(start, token, buffers);
  }

  /// Takes the socket out of Asio; the stream is of no use then.
  /// @returns the descriptor, or -1, and what encrypts its bytes, if anything.
  std::pair<int, detail::ssl_handle> release();

  /// Says that nothing more will be written: close_notify if encrypted, then FIN.
  void shutdown_send();

private:
  template <class Step, class Handler>
  void run(Step step, Handler& handler) {
    asio::async_compose<Handler, void(error_code, size_t)>(detail::tls_operation{socket_, step},
                                                           handler, socket_);
  }

  tcp_socket socket_;
  detail::ssl_handle tls_; // Before the socket closes.
};

/// How Beast's WebSocket ends a connection. @source Beast, "Teardown"
void teardown(boost::beast::role_type role, stream& ended, boost::system::error_code& failed);

namespace detail {

/// Reads until the other side has ended as well, then closes.
struct goodbye {
  stream* from;
  std::unique_ptr<std::array<char, 2048>> unread = std::make_unique<std::array<char, 2048>>();

  template <class Self>
  void operator()(Self& self, error_code failed = {}, size_t = 0) {
    auto* source = from;
    if (failed) {
      error_code ignored;
      source->next_layer().close(ignored);
      return self.complete(failed == asio::error::eof ? error_code{} : failed);
    }
    auto into = asio::buffer(*unread);
    source->async_read_some(into, std::move(self));
  }
};

} // namespace detail

/// Says goodbye and reads until the other side has, so that closing does not reset what it has not
/// read yet.
template <class Handler>
void async_teardown(boost::beast::role_type, stream& ended, Handler&& handler) {
  ended.shutdown_send();
  asio::async_compose<Handler, void(boost::system::error_code)>(detail::goodbye{&ended}, handler,
                                                                ended);
}

} // namespace shoal::http
