// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "origin/origin_client.hpp"
#include "origin/origin_pace.hpp"
#include "origin/origin_url.hpp"

#include <curl/curl.h>

namespace shoal::origin {

struct easy_deleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using easy_handle = std::unique_ptr<CURL, easy_deleter>;

struct list_deleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using header_lines = std::unique_ptr<curl_slist, list_deleter>;

/// One request with all its redirects, on the client's thread.
class transfer {
public:
  transfer(origin_client::ticket ticket, request what, origin_url where);

  origin_client::ticket ticket() const { return ticket_; }
  const origin_url& where() const { return where_; }
  bool is_anonymous() const { return request_.anonymous; }
  CURL* easy() const { return easy_.get(); }

  /// Makes curl's handle for the next hop. @param token empty: none. @param pace of the origin;
  /// outlives the hop.
  void prepare(const client_config& config, const std::string& token, origin_pace& pace,
               mono_time now);

  /// Since when bytes wait that its origin's pace does not let through.
  const std::optional<mono_time>& paused_at() const { return paused_at_; }
  const origin_pace& pace() const { return *pace_; }

  /// Takes the bytes that wait.
  void go_on(mono_time now);

  /// The hop is over. @returns where to go next, or nothing if the request is over too.
  std::optional<origin_url> hop(CURLcode code, const client_config& config);

  void go_to(origin_url next);

  /// Calls `on_done`. @param code of the last hop.
  void finish(CURLcode code);
  void fail_with(failure why);

  /// Why it failed, once `finish` was called.
  const std::optional<failure>& failed() const { return failed_; }

  /// Whether nothing came for the time that `config` allows, or next to nothing in all of it.
  bool is_overdue(const client_config& config, mono_time now);

  uint64_t take_bytes() { return std::exchange(new_bytes_, 0); }
  const origin_head& head() const { return head_; }

private:
  static size_t on_header(char* data, size_t size, size_t count, void* user);
  static size_t on_body(char* data, size_t size, size_t count, void* user);
  static curl_socket_t on_socket(void* user, curlsocktype purpose, curl_sockaddr* address);
  static int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  void set_options(const client_config& config);
  void set_security(const client_config& config);
  bool is_answer() const;
  result<void> begin_answer();
  failure what_failed(CURLcode code) const;
  failure of_status() const;

  origin_client::ticket ticket_;
  request request_;
  origin_url where_;
  easy_handle easy_;
  header_lines lines_;
  const client_config* config_ = nullptr;
  origin_head head_;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> words_{};
  uint32_t hops_ = 0;
  uint64_t new_bytes_ = 0;
  bool began_ = false;
  bool refused_ = false;
  bool goes_to_proxy_ = false; ///< This hop.
  bool stopped_at_linked_ = false;
  std::optional<error> stopped_; ///< Said by one of the request's functions.
  std::optional<error> misled_;  ///< By a redirect.
  std::optional<failure> failed_;
  origin_pace* pace_ = nullptr;
  std::optional<mono_time> paused_at_;
  mono_time last_sign_;
  mono_time watched_from_; ///< Bytes of the body are counted since then.
  uint64_t watched_bytes_ = 0;
  mutable curl_off_t seen_ = 0;
};

} // namespace shoal::origin
