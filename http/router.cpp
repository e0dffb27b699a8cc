// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include "core/log.hpp"
#include "http/credentials.hpp"
#include "protocol/percent.hpp"
#include "protocol/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::http {

namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1); // The slash.
    auto end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

bool is_capture(std::string_view segment) {
  return segment.starts_with('{');
}

bool is_rest(std::string_view segment) {
  return segment.starts_with("{*");
}

bool serves(method route_verb, method verb) {
  return route_verb == verb || (route_verb == method::get && verb == method::head);
}

response preflight() {
  response r;
  r.status = 204;
  return std::move(r)
      .with("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
      .with("Access-Control-Allow-Headers",
            // User-Agent: WebTorrent sets it, and Firefox and Safari ask whether they may.
            "Authorization, Cache-Control, Content-Range, Content-Type, If-None-Match, If-Range, "
            "Range, User-Agent, X-Session-ID, X-Weightless-Key")
      .with("Access-Control-Max-Age", "86400");
}

} // namespace

router::router(metrics::registry& metrics, std::span<const route> routes) {
  for (auto& r : routes) {
    compiled c{&r, split(r.path), {}};
    for (size_t i = 2; i < c.counted.by_class.size(); ++i)
      c.counted.by_class[i] = &metrics.add_counter(
          "shoal_http_requests_total", "Requests by route and class of status",
          fmt::format(R"(method="{}",route="{}",code="{}xx")", name(r.verb), r.path, i));
    c.counted.seconds = &metrics.add_histogram(
        "shoal_http_request_seconds", "Time from a request's header to the end of its answer",
        fmt::format(R"(method="{}",route="{}")", name(r.verb), r.path));
    routes_.push_back(std::move(c));
  }
}

route_meter router::meter_of(std::string_view path) const {
  auto same = [&](auto& r) { return r.what->verb == method::get && r.what->path == path; };
  auto found = std::find_if(routes_.begin(), routes_.end(), same);
  SHOAL_CHECK(found != routes_.end());
  return found->counted;
}

bool router::match(const compiled& candidate, std::string_view path, exchange& ex) {
  ex.params_.clear();
  for (auto segment : candidate.segments) {
    if (path.empty())
      return false;
    path.remove_prefix(1);
    auto end = is_rest(segment) ? path.size() : std::min(path.find('/'), path.size());
    auto part = path.substr(0, end);
    path.remove_prefix(end);
    if (!is_capture(segment)) {
      auto same = candidate.what->any_case ? text::equals_nocase(segment, part) : segment == part;
      if (!same)
        return false;
      continue;
    }
    auto decoded = percent_decode(part);
    // Browsers leave a lone '%' in a file's name as it is.
    if (!decoded && is_rest(segment))
      decoded = std::string{part};
    if (!decoded || decoded->empty())
      return false;
    auto skip = is_rest(segment) ? size_t{2} : size_t{1};
    ex.params_.emplace_back(segment.substr(skip, segment.size() - skip - 1), std::move(*decoded));
  }
  return path.empty();
}

const router::compiled* router::find(exchange& ex, std::vector<std::string_view>& allowed) const {
  auto path = ex.path();
  if (!path.starts_with('/'))
    return nullptr;
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  for (auto& candidate : routes_) {
    if (!match(candidate, path, ex))
      continue;
    if (serves(candidate.what->verb, ex.verb()))
      return &candidate;
    allowed.push_back(name(candidate.what->verb));
  }
  return nullptr;
}

task<> router::refuse(exchange& ex, dialect errors, const error& err) const {
  return ex.send(errors == dialect::json ? json_error(err) : text_error(err));
}

task<> router::forbid(exchange& ex, const route& r) const {
  // No key opens what is switched off, and an operator should learn why.
  auto off = r.who == access::admin && ex.config().admin_key.empty();
  error err{ec::unauthorized, off ? "this is switched off, as no admin key is configured" : ""};
  auto answer = r.errors == dialect::json ? json_error(err) : text_error(err);
  if (off)
    answer.status = 403;
  return ex.send(std::move(answer));
}

task<> router::handle(exchange& ex) const {
  if (ex.verb() == method::options) {
    co_await ex.send(preflight());
    co_return;
  }
  std::vector<std::string_view> allowed;
  auto* found = find(ex, allowed);
  if (!found)
    ex.srv().metrics.no_route.add();
  if (!found && !allowed.empty()) {
    co_await ex.send(
        text(405, "Method not allowed").with("Allow", fmt::format("{}", fmt::join(allowed, ", "))));
    co_return;
  }
  if (!found) {
    error unknown{ec::not_found, {}};
    co_await ex.send(json_error(unknown));
    co_return;
  }
  auto start = mono_now();
  auto& r = *found->what;
  auto& srv = ex.srv();
  if (r.limited && !within_rate(ex)) {
    srv.metrics.rate_limited.add();
    error limited{ec::rate_limited, {}};
    co_await refuse(ex, r.errors, limited);
  } else if (!may_use(ex, r.who)) {
    srv.metrics.unauthorized.add();
    co_await forbid(ex, r);
  } else {
    co_await r.handler(ex);
  }
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(mono_now() - start);
  found->counted.seconds->observe_us(static_cast<uint64_t>(took.count()));
  if (auto code = ex.status() / 100; code >= 2 && code < found->counted.by_class.size())
    found->counted.by_class[code]->add();
}

} // namespace shoal::http
