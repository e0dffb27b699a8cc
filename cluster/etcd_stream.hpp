// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_config.hpp"
#include "core/error.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <functional>
#include <optional>

namespace shoal::coordination {

namespace asio = boost::asio;

/// What TLS connections to etcd start from: certificates of the members are verified, with their
/// names, always. @errors ec::invalid_argument and the file that cannot be used.
result<asio::ssl::context> make_tls_context(const etcd_config& cfg);

/// Bytes to and from one endpoint, through TLS or not. Handlers run on the context's thread, never
/// from within the call. `close` has those that wait called with an error.
class etcd_stream {
public:
  using error_code = boost::system::error_code;
  using opened = std::function<void(const error_code&)>;
  using moved = std::function<void(const error_code&, size_t)>;

  /// @param tls null for plain bytes; outlives this.
  etcd_stream(asio::io_context& io, asio::ssl::context* tls);

  /// Looks up the name, connects and, with TLS, shakes hands.
  void open(const etcd_endpoint& to, opened then);

  void read_some(asio::mutable_buffer into, moved then);
  void write(asio::const_buffer what, moved then);
  void close();

  /// Whether it is open and nothing has come: neither bytes nor the end.
  bool is_silent();

  /// What the handshake objected to, for people.
  std::string complaint(const error_code& why) const;

  /// Whether the other side ended TLS with an alert, as servers do that dislike a certificate.
  static bool is_alert(const error_code& why);

private:
  void connect(const asio::ip::tcp::resolver::results_type& found, opened then);
  void tune();
  void shake_hands(opened then);

  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
  std::string host_;
};

} // namespace shoal::coordination
