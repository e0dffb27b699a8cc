// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::http {

enum class method : uint8_t { get, head, post, put, del, options, other, patch };

/// @returns "GET" and so on; empty for `other`.
std::string_view name(method m);

/// An answer whose body is in memory.
struct response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// Adds a header; `value` must be free of line breaks (it is cut at the first).
  response&& with(std::string name, std::string value) &&;
};

/// @returns the reason phrase, e.g. "Not Found".
std::string_view reason_phrase(unsigned status);

/// @returns the status that stands for an error in REST answers.
unsigned status_of(ec code);

response text(unsigned status, std::string body);
response json(unsigned status, std::string body);

/// `{"error": sentence}` with the status of the error. Operational details stay in the log.
response json_error(const error& err);

/// For use inside a co_await: GCC 12 destroys a braced temporary there twice.
response json_error(ec code, std::string detail = {});

/// The same as a plain sentence.
response text_error(const error& err);
response text_error(ec code, std::string detail = {});

/// Writes the status line and headers, with the empty line behind them.
/// @param length the Content-Length; the body itself is not written.
void append_head(std::string& out, const response& r, uint64_t length, bool keep_alive);

/// @returns "Fri, 20 Nov 2026 21:09:25 GMT", kept for a second per thread. @source RFC 9110 5.6.7
std::string_view http_date_now();

} // namespace shoal::http
