// SPDX-License-Identifier: Apache-2.0
#include "http/bare_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <sys/socket.h>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

error_code last_error() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return asio::error::would_block;
  return {errno, boost::system::system_category()};
}

/// Whatever it wants: a change of keys that has to be written first is written with the next call.
error_code outcome_of(const detail::tls_step& step) {
  if (step.wants != detail::tls_step::want::nothing)
    return asio::error::would_block;
  return step.failed;
}

} // namespace

bare_stream::bare_stream(stream from) {
  auto [descriptor, tls] = from.release();
  socket_ = unique_fd{descriptor};
  tls_ = std::move(tls);
}

size_t bare_stream::read_now(std::span<char> into, error_code& failed) {
  if (tls_) {
    auto step = detail::tls_read(*tls_, asio::buffer(into.data(), into.size()));
    failed = outcome_of(step);
    return step.bytes;
  }
  auto n = ::recv(socket_.get(), into.data(), into.size(), 0);
  failed = n > 0 ? error_code{} : n == 0 ? error_code{asio::error::eof} : last_error();
  return n > 0 ? static_cast<size_t>(n) : 0;
}

size_t bare_stream::write_now(std::string_view bytes, error_code& failed) {
  failed = {};
  size_t written = 0;
  while (written < bytes.size() && !failed) {
    auto rest = bytes.substr(written);
    if (tls_) {
      auto step = detail::tls_write(*tls_, asio::buffer(rest));
      failed = outcome_of(step);
      written += step.bytes;
    } else if (auto n = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL); n >= 0) {
      written += static_cast<size_t>(n);
    } else {
      failed = last_error();
    }
  }
  return written;
}

void bare_stream::shutdown_send() {
  // If the socket is full the client misses the note and sees the FIN.
  if (tls_) {
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

void bare_stream::close() {
  tls_.reset();
  socket_.reset();
}

} // namespace shoal::http
