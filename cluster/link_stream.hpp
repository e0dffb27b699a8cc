// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_tls.hpp"
#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace shoal::cluster {

namespace asio = boost::asio;

/// Bytes to and from another node, through TLS or, for links on this machine, plain. Handlers run
/// on the context's thread, never from within the call; `close` has those that wait called with
/// an error. Its owner lives until they were.
class link_stream {
public:
  using tcp = asio::ip::tcp;
  using error_code = boost::system::error_code;
  using moved = std::function<void(const error_code&, size_t)>;
  using opened = std::function<void(const error_code&)>;

  /// @param tls null: plain bytes, and only to and from this machine.
  link_stream(tcp::socket socket, link_context tls);

  struct patience {
    std::chrono::milliseconds whole{5000}; ///< For all addresses that a name has, one by one.
    size_t turn = 0;                       ///< Which of them is tried first.
  };

  /// Connects to "host:port" and shakes hands. Of the addresses of a name some are tried, each for
  /// its part of the time, so that one that does not answer cannot take all of it; whoever shakes
  /// no hands has the rest of the time. Other ones come first in the next turn.
  void dial(const std::string& address, patience how, opened then);

  /// The same, when the name is known to stand for these.
  void dial(std::vector<tcp::endpoint> all, patience how, opened then);

  /// Shakes hands with whoever has connected.
  void accept(opened then);

  void read_some(asio::mutable_buffer into, moved then);
  void write(asio::const_buffer what, moved then);

  /// Lets the other side read what was written before it sees the end.
  void end_writing();
  void close();

  link_certificate certificate();
  asio::any_io_executor executor() { return socket_.get_executor(); }

  /// For people.
  std::string complaint(const error_code& why);

private:
  void connect_next(std::shared_ptr<opened> then);
  void shake_hands(asio::ssl::stream_base::handshake_type side, opened then);

  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer timer_;        ///< Of one address.
  std::vector<tcp::endpoint> left_; ///< To be tried, the next one last.
  mono_time dial_until_{};
  uint64_t round_ = 0; ///< Of connecting.
  bool closed_ = false;
  link_context context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
};

/// "host:port" or "[v6]:port". @returns empty texts if it is neither.
std::pair<std::string, std::string> split_address(const std::string& text);

} // namespace shoal::cluster
