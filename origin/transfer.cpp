// SPDX-License-Identifier: Apache-2.0
#include "origin/transfer.hpp"

#include "origin/proxy_choice.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shoal::origin {

namespace {

std::optional<ip_address> address_of(const sockaddr& from) {
  if (from.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof(v4));
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return ip_address::v4(bytes);
  }
  if (from.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof(v6));
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return ip_address::v6(bytes);
  }
  return std::nullopt;
}

/// What an origin gives at least, over the time for which it may be silent.
constexpr double bytes_per_second_min = 1024;

/// What comes at once is paid for at once, so a slow pace takes small portions: a tenth of a
/// second.
long buffer_bytes(const client_config& config) {
  constexpr uint64_t least = 16 * 1024;
  constexpr uint64_t most = 256 * 1024;
  auto rate = config.bytes_per_second;
  return static_cast<long>(rate == 0 ? most : std::clamp(rate / 10, least, most));
}

/// @source libcurl-errors(3)
failure_kind kind_of(CURLcode code) {
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT:
    return failure_kind::timeout;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return failure_kind::tls;
  case CURLE_PARTIAL_FILE:
  case CURLE_RECV_ERROR:
  case CURLE_SEND_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return failure_kind::cut;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_CONTENT_ENCODING:
    return failure_kind::bad_answer;
  default:
    return failure_kind::connect;
  }
}

} // namespace

transfer::transfer(origin_client::ticket ticket, request what, origin_url where)
    : ticket_{ticket}, request_{std::move(what)}, where_{std::move(where)} {}

// -- what curl is told -----------------------------------------------------------------------

void transfer::prepare(const client_config& config, const std::string& token, origin_pace& pace,
                       mono_time now) {
  config_ = &config;
  pace_ = &pace;
  paused_at_.reset();
  head_ = {};
  body_.clear();
  began_ = false;
  last_sign_ = watched_from_ = now;
  watched_bytes_ = 0;
  seen_ = 0;
  easy_.reset(curl_easy_init());
  curl_slist* lines = curl_slist_append(nullptr, "Accept-Encoding: identity");
  if (!token.empty())
    lines = curl_slist_append(lines, ("Authorization: Bearer " + token).c_str());
  lines_.reset(lines);
  set_options(config);
  set_security(config);
}

void transfer::set_options(const client_config& config) {
  auto* easy = easy_.get();
  auto timeout_ms = static_cast<long>(config.timeout.count());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_URL, where_.text.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, config.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines_.get());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_bytes(config));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words_.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &transfer::on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
  if (request_.what == request::verb::head)
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (auto& range = request_.range)
    curl_easy_setopt(easy, CURLOPT_RANGE,
                     (std::to_string(range->first) + '-' + std::to_string(range->last)).c_str());
}

void transfer::set_security(const client_config& config) {
  auto* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (!config.ca_file.empty())
    curl_easy_setopt(easy, CURLOPT_CAINFO, config.ca_file.c_str());
  // Empty texts keep curl from asking the environment itself.
  auto proxy = proxy_for(where_, config.proxy, process_environment());
  goes_to_proxy_ = !proxy.empty();
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &transfer::on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
}

// -- what curl says --------------------------------------------------------------------------

/// Every address that curl is about to connect to, whatever its name said a moment ago. On the way
/// through a proxy that is the proxy's alone, which the operator has named.
curl_socket_t transfer::on_socket(void* user, curlsocktype purpose, curl_sockaddr* address) {
  auto& self = *static_cast<transfer*>(user);
  auto to = address_of(address->addr);
  auto is_allowed
      = to && (self.goes_to_proxy_ || self.config_->guard.allows(self.where_.host, *to));
  if (purpose != CURLSOCKTYPE_IPCXN || !is_allowed) {
    self.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t transfer::on_header(char* data, size_t size, size_t count, void* user) {
  auto& self = *static_cast<transfer*>(user);
  self.last_sign_ = mono_now();
  note_header(self.head_, {data, size * count});
  return size * count;
}

int transfer::on_progress(void* user, curl_off_t, curl_off_t now, curl_off_t, curl_off_t) {
  auto& self = *static_cast<transfer*>(user);
  if (std::exchange(self.seen_, now) != now)
    self.last_sign_ = mono_now();
  return 0;
}

/// Whether the head is of the answer itself: neither a redirect nor a failure.
bool transfer::is_answer() const {
  return head_.status >= 200 && head_.status < 300;
}

result<void> transfer::begin_answer() {
  if (std::exchange(began_, true) || !request_.on_head)
    return {};
  return request_.on_head(head_);
}

size_t transfer::on_body(char* data, size_t size, size_t count, void* user) {
  auto& self = *static_cast<transfer*>(user);
  auto bytes = size * count;
  auto now = mono_now();
  self.last_sign_ = now;
  if (!self.is_answer())
    return bytes; // The words of a refusal.
  if (!self.pace_->is_open(now)) {
    self.paused_at_ = now;
    return CURL_WRITEFUNC_PAUSE; // The same bytes come again.
  }
  auto& sink = self.request_.on_body;
  auto going = self.begin_answer();
  if (going && sink)
    going = sink({reinterpret_cast<const uint8_t*>(data), bytes});
  else if (going && self.body_.size() + bytes > self.request_.body_bytes_max)
    going = fail(ec::unavailable, "the origin's answer is too long");
  else if (going)
    self.body_.append(data, bytes);
  if (!going) {
    self.stopped_ = going.error();
    return 0;
  }
  if (sink)
    self.new_bytes_ += bytes;
  self.watched_bytes_ += bytes;
  self.pace_->took(bytes, now);
  return bytes;
}

void transfer::go_on(mono_time now) {
  paused_at_.reset();
  last_sign_ = watched_from_ = now;
  watched_bytes_ = 0;
  curl_easy_pause(easy_.get(), CURLPAUSE_CONT); // May call on_body, which may pause it again.
}

bool transfer::is_overdue(const client_config& config, mono_time now) {
  if (paused_at_)
    return false;
  if (now - last_sign_ > config.timeout)
    return true;
  // Who sends a byte from time to time holds readers up as well.
  if (!began_ || now - watched_from_ < config.timeout)
    return false;
  auto seconds = std::chrono::duration<double>(now - watched_from_).count();
  watched_from_ = now;
  return double(std::exchange(watched_bytes_, 0)) < seconds * bytes_per_second_min;
}

// -- a hop is over ---------------------------------------------------------------------------

std::optional<origin_url> transfer::hop(CURLcode code, const client_config& config) {
  if (code != CURLE_OK || !head_.is_redirect())
    return std::nullopt;
  stopped_at_linked_ = request_.stops_at_linked && !head_.linked_etag.empty() && head_.linked_size;
  if (stopped_at_linked_)
    return std::nullopt;
  auto next = where_.follow(head_.location);
  if (!next)
    misled_ = next.error();
  else if (++hops_ > config.redirects_max)
    misled_ = error{ec::unavailable, "the origin redirects too often"};
  else if (where_.scheme == "https" && next->scheme != "https")
    misled_ = error{ec::unavailable, "the origin redirects from https to http"};
  if (misled_)
    return std::nullopt;
  return std::move(*next);
}

void transfer::go_to(origin_url next) {
  where_ = std::move(next);
}

failure transfer::of_status() const {
  failure why;
  why.kind = failure_kind::status;
  why.head = head_;
  why.retry_after = parse_retry_after(head_.retry_after, unix_now());
  auto code = ec::unavailable;
  if (head_.status == 429 || (head_.status == 503 && why.retry_after))
    why.kind = failure_kind::limited;
  else if (head_.status == 404 || head_.status == 410)
    code = ec::not_found;
  else if (head_.status == 401 || head_.status == 403)
    code = ec::unauthorized;
  why.why = {code, where_.host + " answers " + std::to_string(head_.status)};
  return why;
}

failure transfer::what_failed(CURLcode code) const {
  failure why;
  why.head = head_;
  if (stopped_) {
    why.kind = stopped_->code == ec::conflict         ? failure_kind::changed
               : stopped_->code == ec::hash_mismatch  ? failure_kind::wrong
               : stopped_->code == ec::storage_full   ? failure_kind::storage
               : stopped_->code == ec::storage_failed ? failure_kind::storage
                                                      : failure_kind::bad_answer;
    why.why = *stopped_;
    return why;
  }
  if (misled_) {
    why.kind = failure_kind::redirect;
    why.why = {ec::unavailable, where_.host + ": " + misled_->detail};
    return why;
  }
  if (code == CURLE_OK)
    return of_status();
  why.kind = refused_ ? failure_kind::refused : kind_of(code);
  std::string said = words_[0] != '\0' ? words_.data() : curl_easy_strerror(code);
  why.why = {ec::unavailable, where_.host + ": " + said};
  if (refused_)
    why.why.detail = where_.host + " is at an address that origins may not have";
  return why;
}

void transfer::finish(CURLcode code) {
  if (code == CURLE_OK && is_answer()) {
    // A HEAD, or a body without bytes.
    if (auto began = begin_answer(); !began)
      stopped_ = began.error();
  }
  auto good = code == CURLE_OK && !stopped_ && !misled_ && (is_answer() || stopped_at_linked_);
  if (!good)
    return fail_with(what_failed(code));
  request_.on_done(request::reply{head_, std::move(body_), where_.text});
}

void transfer::fail_with(failure why) {
  failed_ = why;
  request_.on_done(tl::unexpected{std::move(why)});
}

} // namespace shoal::origin
