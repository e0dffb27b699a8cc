// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace shoal::coordination {

namespace {

using asio::ip::tcp;
using error_code = boost::system::error_code;

/// A peer that is gone without a word is noticed after 5 + 3 * 2 s.
constexpr int keep_idle_s = 5;
constexpr int keep_interval_s = 2;
constexpr int keep_count = 3;

void set(int fd, int level, int option, int value) {
  // Without the option the connection merely dies later.
  ::setsockopt(fd, level, option, &value, sizeof value);
}

} // namespace

result<asio::ssl::context> make_tls_context(const etcd_config& cfg) {
  asio::ssl::context made{asio::ssl::context::tls_client};
  error_code wrong;
  auto cannot = [&](const std::string& file) {
    return fail(ec::invalid_argument, "cannot use '" + file + "' for etcd: " + wrong.message());
  };
  SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
  made.set_verify_mode(asio::ssl::verify_peer, wrong);
  auto secure = std::any_of(cfg.endpoints.begin(), cfg.endpoints.end(),
                            [](auto& url) { return url.starts_with("https:"); });
  if (!secure)
    return made;
  if (cfg.ca_file.empty())
    made.set_default_verify_paths(wrong);
  else
    made.load_verify_file(cfg.ca_file, wrong);
  if (wrong)
    return cannot(cfg.ca_file.empty() ? "the system's certificates" : cfg.ca_file);
  if (cfg.cert_file.empty())
    return made;
  made.use_certificate_chain_file(cfg.cert_file, wrong);
  if (wrong)
    return cannot(cfg.cert_file);
  made.use_private_key_file(cfg.key_file, asio::ssl::context::pem, wrong);
  if (wrong)
    return cannot(cfg.key_file);
  return made;
}

etcd_stream::etcd_stream(asio::io_context& io, asio::ssl::context* tls)
    : resolver_{io}, socket_{io} {
  if (tls)
    tls_.emplace(socket_, *tls);
}

void etcd_stream::open(const etcd_endpoint& to, opened then) {
  host_ = to.host;
  error_code is_name;
  auto address = asio::ip::make_address(to.host, is_name);
  if (!is_name) { // No need for the resolver and its thread.
    tcp::endpoint there{address, to.port};
    return connect(tcp::resolver::results_type::create(there, {}, {}), std::move(then));
  }
  resolver_.async_resolve(
      to.host, std::to_string(to.port),
      [this, then = std::move(then)](const error_code& why, auto found) mutable {
        if (why)
          then(why);
        else
          connect(found, std::move(then));
      });
}

void etcd_stream::connect(const tcp::resolver::results_type& found, opened then) {
  asio::async_connect(socket_, found,
                      [this, then = std::move(then)](const error_code& why, auto&&) mutable {
                        if (why)
                          return then(why);
                        tune();
                        if (tls_)
                          shake_hands(std::move(then));
                        else
                          then({});
                      });
}

void etcd_stream::tune() {
  error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  auto fd = socket_.native_handle();
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keep_idle_s);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keep_interval_s);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, keep_count);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 * (keep_idle_s + keep_count * keep_interval_s));
}

void etcd_stream::shake_hands(opened then) {
  error_code is_name;
  asio::ip::make_address(host_, is_name);
  if (is_name) // RFC 6066: addresses are no server names.
    SSL_set_tlsext_host_name(tls_->native_handle(), host_.c_str());
  error_code wrong;
  tls_->set_verify_callback(asio::ssl::host_name_verification{host_}, wrong);
  if (wrong)
    return then(wrong);
  tls_->async_handshake(asio::ssl::stream_base::client, std::move(then));
}

void etcd_stream::read_some(asio::mutable_buffer into, moved then) {
  if (tls_)
    tls_->async_read_some(into, std::move(then));
  else
    socket_.async_read_some(into, std::move(then));
}

void etcd_stream::write(asio::const_buffer what, moved then) {
  if (tls_)
    asio::async_write(*tls_, what, std::move(then));
  else
    asio::async_write(socket_, what, std::move(then));
}

void etcd_stream::close() {
  resolver_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

bool etcd_stream::is_silent() {
  char byte;
  auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::string etcd_stream::complaint(const error_code& why) const {
  auto text = why.message();
  if (!tls_ || why.category() != asio::error::get_ssl_category())
    return text;
  auto verdict
      = SSL_get_verify_result(const_cast<asio::ssl::stream<tcp::socket&>&>(*tls_).native_handle());
  if (verdict != X509_V_OK)
    text += std::string{": "} + X509_verify_cert_error_string(verdict);
  return text;
}

bool etcd_stream::is_alert(const error_code& why) {
  return why.category() == asio::error::get_ssl_category()
         && ERR_GET_REASON(static_cast<unsigned long>(why.value())) >= SSL_AD_REASON_OFFSET;
}

} // namespace shoal::coordination
