// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "core/clock.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ctime>

namespace shoal::http {

namespace {

/// Sent with every answer so that pages of any origin can use the API. @source Fetch standard
constexpr std::string_view cors_origin = "Access-Control-Allow-Origin: *\r\n";

/// What pages may read, unless the answer says that itself.
constexpr std::string_view cors_name = "Access-Control-Expose-Headers";
constexpr std::string_view cors_headers
    = "Access-Control-Expose-Headers: Content-Range, Content-Length, Accept-Ranges, ETag, "
      "X-Total-Count, Content-Disposition, Upload-Offset, Upload-Length\r\n";

} // namespace

std::string_view name(method m) {
  constexpr std::array names{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "", "PATCH"};
  return names[static_cast<size_t>(m)];
}

response&& response::with(std::string name, std::string value) && {
  value.resize(std::min(value.size(), value.find_first_of("\r\n")));
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 204:
    return "No Content";
  case 206:
    return "Partial Content";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 416:
    return "Range Not Satisfiable";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  case 507:
    return "Insufficient Storage";
  default:
    return "Status";
  }
}

unsigned status_of(ec code) {
  switch (code) {
  case ec::invalid_argument:
  case ec::missing_argument:
    return 400;
  case ec::unauthorized:
    return 401;
  case ec::blocked:
    return 403;
  case ec::not_found:
    return 404;
  case ec::conflict:
  case ec::hash_mismatch:
    return 409;
  case ec::too_large:
    return 413;
  case ec::range_unsatisfiable:
    return 416;
  case ec::rate_limited:
    return 429;
  case ec::unsupported:
    return 501;
  default:
    return 503;
  }
}

response text(unsigned status, std::string body) {
  response r;
  r.status = status;
  r.body = std::move(body);
  return r;
}

response json(unsigned status, std::string body) {
  response r;
  r.status = status;
  r.content_type = "application/json";
  r.body = std::move(body);
  return r;
}

namespace {

std::string public_text(const error& err) {
  return is_client_error(err.code) ? to_string(err) : std::string{sentence(err.code)};
}

/// The literal texts of the Weightless dialect where it has one.
std::string plain_text(const error& err) {
  if (!err.detail.empty())
    return public_text(err);
  switch (err.code) {
  case ec::unauthorized:
    return "Unauthorized";
  case ec::not_found:
    return "Not found";
  case ec::rate_limited:
    return "Rate limit exceeded. Please slow down.";
  default:
    return public_text(err);
  }
}

response finish(response r, const error& err) {
  if (r.status == 503)
    r.headers.emplace_back("Retry-After", "5");
  if (err.code == ec::rate_limited)
    r.headers.emplace_back("Retry-After", "1");
  return r;
}

} // namespace

response json_error(const error& err) {
  auto body = nlohmann::json{{"error", public_text(err)}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  return finish(json(status_of(err.code), std::move(body)), err);
}

response json_error(ec code, std::string detail) {
  return json_error(error{code, std::move(detail)});
}

response text_error(ec code, std::string detail) {
  return text_error(error{code, std::move(detail)});
}

response text_error(const error& err) {
  return finish(text(status_of(err.code), plain_text(err)), err);
}

void append_head(std::string& out, const response& r, uint64_t length, bool keep_alive) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\nServer: Shoal\r\nDate: {}\r\n", r.status,
                 reason_phrase(r.status), http_date_now());
  // 204 and 304 have no body to describe. @source RFC 9110 8.6
  if (r.status != 204 && r.status != 304)
    fmt::format_to(to, "Content-Type: {}\r\nContent-Length: {}\r\n", r.content_type, length);
  out += cors_origin;
  auto exposes = [](auto& header) { return header.first == cors_name; };
  if (std::none_of(r.headers.begin(), r.headers.end(), exposes))
    out += cors_headers;
  for (auto& [key, value] : r.headers)
    fmt::format_to(to, "{}: {}\r\n", key, value);
  out += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
}

std::string_view http_date_now() {
  thread_local unix_seconds shown = -1;
  thread_local std::array<char, 32> text{};
  thread_local size_t size = 0;
  if (auto now = unix_now(); now != shown) {
    shown = now;
    std::time_t seconds = now;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text.data(), size};
}

} // namespace shoal::http
