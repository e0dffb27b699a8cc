// SPDX-License-Identifier: Apache-2.0
#include "http/stream.hpp"

#include <climits>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace shoal::http {

endpoint to_endpoint(const asio::ip::tcp::endpoint& from) {
  auto address = from.address();
  return {address.is_v4() ? ip_address::v4(address.to_v4().to_bytes())
                          : ip_address::v6(address.to_v6().to_bytes()),
          from.port()};
}

namespace detail {

namespace {

tls_step result_of(ssl_st& ssl, int returned) {
  using want = tls_step::want;
  if (returned > 0)
    return {want::nothing, static_cast<size_t>(returned), {}};
  auto system = errno;
  auto why = SSL_get_error(&ssl, returned);
  // Another connection of this thread would find them.
  ERR_clear_error();
  switch (why) {
  case SSL_ERROR_WANT_READ:
    return {want::read, 0, {}};
  case SSL_ERROR_WANT_WRITE:
    return {want::write, 0, {}};
  case SSL_ERROR_ZERO_RETURN:
    return {want::nothing, 0, asio::error::eof};
  case SSL_ERROR_SYSCALL:
    if (system != 0)
      return {want::nothing, 0, {system, boost::system::system_category()}};
    return {want::nothing, 0, asio::error::eof};
  default:
    return {want::nothing, 0,
            boost::system::errc::make_error_code(boost::system::errc::protocol_error)};
  }
}

int bounded(size_t bytes) {
  return static_cast<int>(std::min<size_t>(bytes, INT_MAX));
}

} // namespace

void ssl_deleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

tls_step tls_accept(ssl_st& ssl) {
  errno = 0;
  auto step = result_of(ssl, SSL_accept(&ssl));
  step.bytes = 0;
  return step;
}

tls_step tls_connect(ssl_st& ssl) {
  errno = 0;
  auto step = result_of(ssl, SSL_connect(&ssl));
  step.bytes = 0;
  return step;
}

tls_step tls_read(ssl_st& ssl, asio::mutable_buffer out) {
  errno = 0;
  return result_of(ssl, SSL_read(&ssl, out.data(), bounded(out.size())));
}

tls_step tls_write(ssl_st& ssl, asio::const_buffer bytes) {
  errno = 0;
  return result_of(ssl, SSL_write(&ssl, bytes.data(), bounded(bytes.size())));
}

} // namespace detail

stream::stream(tcp_socket socket) : socket_{std::move(socket)} {}

stream::stream(tcp_socket socket, ssl_ctx_st& tls)
    : socket_{std::move(socket)}, tls_{SSL_new(&tls)} {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  if (!tls_)
    throw std::bad_alloc{};
  SSL_set_fd(tls_.get(), socket_.native_handle());
  SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                               | SSL_MODE_RELEASE_BUFFERS);
}

std::pair<int, detail::ssl_handle> stream::release() {
  error_code failed;
  auto descriptor = socket_.release(failed);
  return {failed ? -1 : descriptor, std::move(tls_)};
}

void stream::shutdown_send() {
  // If the socket is full the client misses the note and sees the FIN.
  if (tls_ && SSL_is_init_finished(tls_.get()) != 0) {
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  error_code ignored;
  socket_.shutdown(tcp_socket::shutdown_send, ignored);
}

void teardown(boost::beast::role_type, stream& ended, boost::system::error_code& failed) {
  ended.shutdown_send();
  ended.next_layer().close(failed);
}

} // namespace shoal::http
