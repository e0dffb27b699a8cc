// SPDX-License-Identifier: Apache-2.0
// The node itself: dashboard, health, metrics.
#include "http/site/site.hpp"

#include "actors/cluster_side.hpp"
#include "http/dialects/handlers.hpp"

namespace shoal::http {

namespace {

response dashboard_page() {
  static const auto policy = site::content_security_policy(site::dashboard());
  response r;
  r.content_type = "text/html; charset=utf-8";
  r.body = site::dashboard();
  return std::move(r)
      .with("Content-Security-Policy", policy)
      .with("X-Content-Type-Options", "nosniff")
      .with("Referrer-Policy", "no-referrer")
      .with("Cache-Control", "no-cache");
}

} // namespace

task<> front_page(exchange& ex) {
  if (wants_websocket(ex)) {
    co_await open_websocket(ex);
    co_return;
  }
  auto wants_page = ex.header("Accept").find("text/html") != std::string_view::npos;
  auto r = wants_page ? dashboard_page() : text(200, "Weightless Tracker v1.0");
  co_await ex.send(std::move(r).with("Vary", "Accept"));
}

task<> health(exchange& ex) {
  auto r = text(200, "OK");
  if (ex.srv().leaving)
    r = text(503, "Leaving").with("Retry-After", "5");
  else if (auto* cluster = ex.node().cluster(); cluster && !cluster->has_arrived())
    r = text(503, "Joining").with("Retry-After", "1");
  else if (!ex.node().healthy())
    r = text(503, "Database unreachable").with("Retry-After", "5");
  co_await ex.send(std::move(r).with("Cache-Control", "no-store"));
}

task<> liveness(exchange& ex) {
  co_await ex.send(text(200, "OK").with("Cache-Control", "no-store"));
}

task<> metrics_page(exchange& ex) {
  // Some instruments read the store.
  auto render = [registry = &ex.srv().registry] {
    std::string out;
    registry->render(out);
    return out;
  };
  response r;
  r.content_type = "text/plain; version=0.0.4; charset=utf-8";
  r.body = co_await ex.on_disk(render);
  co_await ex.send(std::move(r));
}

task<> openapi(exchange& ex) {
  static const std::string document{site::openapi_document()};
  co_await ex.send(json(200, document));
}

} // namespace shoal::http
