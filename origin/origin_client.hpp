// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "origin/address_guard.hpp"
#include "protocol/origin_head.hpp"

#include <array>
#include <functional>
#include <memory>
#include <span>

namespace shoal::origin {

/// Why an origin gave nothing.
enum class failure_kind : uint8_t {
  connect,    ///< No address, no connection.
  refused,    ///< Its address, or one that it redirects to, may not be connected to.
  tls,        ///< Its certificate, or the handshake.
  timeout,    ///< Nothing came for too long.
  cut,        ///< The connection ended before the bytes did.
  redirect,   ///< To nowhere, too often, or to another protocol.
  limited,    ///< 429, or 503 with Retry-After.
  status,     ///< Another status of 400 or more.
  bad_answer, ///< Not what was asked for.
  changed,    ///< Another file than before.
  wrong,      ///< Bytes that do not hash to what is known of their pieces.
  storage,    ///< Not the origin: this node could not take the bytes.
  cancelled,  ///< Nobody wants it any more.
  sentinel_
};

/// @returns the name as metrics have it.
std::string_view name(failure_kind kind);

struct failure {
  failure_kind kind = failure_kind::connect;
  error why{ec::unavailable, {}};
  std::optional<std::chrono::seconds> retry_after; ///< As the origin wishes.
  origin_head head;                                ///< Of the last answer, if there was one.
};

template <class T>
using outcome = tl::expected<T, failure>;

struct client_config {
  std::string user_agent = "hf-bt-webseed-proxy/1.0";
  std::chrono::milliseconds timeout{10'000}; ///< To connect, and without a byte.
  /// Empty: none. "environment": as curl reads it. Else a URL. Its own address may be any. It looks
  /// names up itself, so only addresses that URLs spell out are guarded.
  std::string proxy;
  std::string ca_file;             ///< Empty: the system's.
  std::vector<std::string> tokens; ///< "https://host[:port]=token": only ever sent there.
  address_guard guard;
  uint32_t requests_per_origin = 8; ///< Under way at once; more wait.
  uint64_t bytes_per_second = 0;    ///< Of bodies of one origin, all together; 0: no limit.
  uint32_t redirects_max = 5;
  std::chrono::seconds retry_after_max{300}; ///< An origin that wants a longer rest has failed.
};

/// What is asked of an origin. The functions are called on the client's thread.
struct request {
  enum class verb : uint8_t { get, head };

  verb what = verb::get;
  std::string url;
  std::optional<byte_range> range;

  /// A HEAD answered with a redirect that names size and tag is not followed: that is how hubs
  /// describe files that lie elsewhere.
  bool stops_at_linked = false;

  /// Sent without a token, as anybody could ask.
  bool anonymous = false;

  /// The answer that is no redirect and no failure has begun. An error ends the request.
  std::function<result<void>(const origin_head&)> on_head;

  /// Bytes of its body. An error ends the request. Absent: they are collected.
  std::function<result<void>(std::span<const uint8_t>)> on_body;

  size_t body_bytes_max = 0; ///< Of what is collected.

  struct reply {
    origin_head head;
    std::string body;
    std::string url; ///< Where the redirects have led.
  };

  /// Once, at the end.
  std::function<void(outcome<reply>)> on_done;
};

/// Asks origins over HTTP, many requests at once on one thread of its own. Redirects are followed
/// here, one request for each hop, so that every hop is checked and a token stays with its host.
/// Addresses are checked when a socket is made for them. Requests to an origin that is busy, or
/// that wished to be left alone for a while, wait in order.
class origin_client {
public:
  using ticket = uint64_t;

  struct totals {
    uint64_t bytes = 0;    ///< Of bodies that went to an `on_body`: of files.
    uint64_t requests = 0; ///< Hops of redirects count.
    size_t active = 0;
    size_t queued = 0;
    size_t paused = 0;   ///< Of the active ones: they wait for the pace of their origin.
    uint64_t pauses = 0; ///< Of all time.
    std::array<uint64_t, static_cast<size_t>(failure_kind::sentinel_)> failures{};
  };

  /// @errors ec::invalid_argument (a token without an origin).
  static result<std::unique_ptr<origin_client>> start(client_config config);

  /// Ends what is under way: `on_done` is called for each.
  ~origin_client();
  origin_client(const origin_client&) = delete;
  origin_client& operator=(const origin_client&) = delete;

  /// From any thread, as the next two.
  ticket ask(request what);

  /// `on_done` is called with failure_kind::cancelled, unless it has been called already.
  void cancel(ticket which);

  totals usage() const;

private:
  class loop;

  explicit origin_client(std::unique_ptr<loop> made);

  std::unique_ptr<loop> loop_;
};

/// Checks what `client_config::tokens` may hold. @errors ec::invalid_argument, without the token.
result<void> check_tokens(const std::vector<std::string>& tokens);

} // namespace shoal::origin
