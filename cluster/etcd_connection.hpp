// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::coordination {

/// What became of one request on a connection.
struct etcd_answer {
  enum class fate : uint8_t {
    unsent,   ///< Never wholly written: certainly not done.
    lost,     ///< Written, but there is no whole answer.
    answered, ///< `status` and `body`.
  };
  fate what = fate::unsent;
  unsigned status = 0;
  std::string body;               ///< Empty if it went to a `text_taker`.
  error why{ec::unavailable, {}}; ///< If not answered; ec::too_large: the answer was.
};

/// A request, without what belongs to the connection.
struct etcd_request {
  std::string_view path; ///< Of etcd::path.
  std::string body;
  std::string token; ///< Empty: none.
};

/// One HTTP/1.1 connection to one endpoint: opened once, then one request at a time. Handlers run
/// once each, never from within the call, and not at all after `close`.
class etcd_connection : public std::enable_shared_from_this<etcd_connection> {
public:
  using opened = std::function<void(std::optional<error>)>;
  using answered = std::function<void(etcd_answer)>;
  using text_taker = std::function<void(std::string_view)>;

  /// @param tls outlives this; used if the endpoint wants it.
  etcd_connection(asio::io_context& io, asio::ssl::context& tls, const etcd_endpoint& to);

  /// Gives ec::unavailable if nobody is there within `patience`.
  void open(std::chrono::milliseconds patience, opened then);

  void ask(const etcd_request& request, answered then);

  /// Hands out the body as it comes, then calls `then`.
  void ask(const etcd_request& request, text_taker text, answered then);

  void close();

  /// Whether another request may be sent: both ends keep it alive.
  bool is_reusable() const { return reusable_ && !answered_; }

  /// Whether the other end has not closed meanwhile, nor sent what nobody asked for.
  bool is_silent() { return stream_.is_silent(); }

private:
  using error_code = boost::system::error_code;
  using parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  std::string text_of(const etcd_request& request) const;
  void end_opening(std::optional<error> why);
  void on_written(const error_code& why);
  void read_more();
  void on_read(const error_code& why, size_t n);
  bool parse(error_code& wrong);
  void pass_on_text();
  void end_exchange(etcd_answer::fate what, error why);
  void end_reading(const error_code& why);

  asio::io_context& io_;
  const etcd_endpoint to_;
  etcd_stream stream_;
  asio::steady_timer timer_;
  opened opened_;
  answered answered_;
  text_taker text_;
  std::string out_;
  boost::beast::flat_buffer in_;
  std::optional<parser> parser_;
  bool closed_ = false;
  bool reusable_ = false;
  bool heard_ = false; ///< There was an answer on this connection.
};

} // namespace shoal::coordination
