// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/failure.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

struct http_response {
  long status = 0;
  std::string reason;                         ///< From the status line; may be empty.
  std::map<std::string, std::string> headers; ///< Names in lower case.
  std::string body;                           ///< Empty if there was a sink.
  std::string url;                            ///< What was asked.

  bool is_success() const { return status >= 200 && status < 300; }
  std::string header(const std::string& lower_name) const;
};

/// One request; `path` starts with '/' and is escaped already.
struct http_request {
  std::string method = "GET";
  std::string path;
  std::vector<std::string> headers; ///< "Name: value"
  std::string body;
  std::string content_type = "application/json"; ///< Of `body`.

  /// Sends this file instead of `body`, if set.
  std::string upload_file;
  uint64_t upload_size_bytes = 0;
  uint64_t upload_offset_bytes = 0;      ///< Where in the file they begin.
  std::function<void(uint64_t)> on_sent; ///< Bytes of the body sent so far.

  /// Takes the body of a successful answer; returns false to stop. Once it has had bytes, the
  /// request is not repeated.
  std::function<bool(std::string_view)> sink;

  /// Looks at status and headers before the first byte goes to `sink`; returns false to refuse it.
  std::function<bool(const http_response&)> accepts;

  uint64_t bytes_per_second_max = 0; ///< Of the body that comes; 0: as fast as it can.

  int retries = 0;      ///< More tries when the connection breaks.
  int busy_retries = 5; ///< More tries after 429 and 503.
};

/// Talks to one server, or to whichever of several answers, over HTTP or HTTPS, with keep-alive.
/// Blocks.
class http_client {
public:
  /// @param base_urls e.g. "http://127.0.0.1:8080"; may end in '/'. At least one; what one that
  /// cannot be reached was asked is asked of the next.
  /// @param key sent as X-Weightless-Key with every request that changes something, unless empty.
  http_client(std::vector<std::string> base_urls, std::string key);
  http_client(http_client&&) noexcept;
  ~http_client();

  /// The server that is asked now.
  const std::string& base_url() const { return base_urls_[current_]; }

  /// Begins with another of the servers. @param turn any number.
  void start_with(size_t turn) { current_ = turn % base_urls_.size(); }
  size_t turn() const { return current_; }

  /// Tells `on_wait` why, and waits.
  void wait(const failure& why, int seconds) const;

  /// Has the key go along with what changes nothing, too, as a bearer token: for what is private.
  /// curl drops it when another host is redirected to.
  void send_key_always() { key_always_ = true; }

  /// What becomes true ends requests and waits. @param stop outlives this.
  void stop_when(const std::atomic<bool>& stop) { stop_ = &stop; }

  /// Hears why a request is tried again, before each wait.
  using waiting = std::function<void(const failure& why, int seconds)>;
  void on_wait(waiting tell) { tell_ = std::move(tell); }

  /// Any status is an answer. Fails with exit_code::unreachable, or exit_code::local_trouble if
  /// the file to send cannot be read.
  outcome<http_response> send(const http_request& request);

  /// As `send`, but a status other than 2xx is a failure (exit_code::refused).
  outcome<http_response> send_ok(const http_request& request);

  /// GET of a JSON document.
  outcome<nlohmann::json> fetch_json(const std::string& path);

private:
  struct handle;

  outcome<http_response> send_once(const http_request& request);
  outcome<http_response> send_anywhere(const http_request& request);
  bool stopped() const { return stop_ != nullptr && *stop_; }

  std::vector<std::string> base_urls_;
  size_t current_ = 0;
  std::string key_;
  bool key_always_ = false;
  const std::atomic<bool>* stop_ = nullptr;
  bool poured_ = false; ///< A sink has had bytes, so that the request cannot be repeated.
  waiting tell_;
  std::unique_ptr<handle> curl_;
};

/// @returns the failure for an answer that is not 2xx, with the server's own words if there are.
failure describe_refusal(const http_response& response);

/// Joins names and values as "?a=b&c=d"; pairs with an empty value are left out.
std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs);

} // namespace shoal::cli
