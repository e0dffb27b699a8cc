// SPDX-License-Identifier: Apache-2.0
// The node itself: dashboard, health, metrics.
#include "http/site/site.hpp"

#include "http/dialects/handlers.hpp"

#include <nlohmann/json.hpp>

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

struct store_totals {
  uint64_t torrents = 0;
  object_files::totals objects;
};

store_totals count_store(const shoal::node& node, const object_files& objects) {
  auto entries = node.store().count(table::entries);
  return {entries.value_or(0), objects.usage()};
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
  auto good = ex.node().healthy();
  auto r = good ? text(200, "OK") : text(503, "Database unreachable").with("Retry-After", "5");
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

task<> stats(exchange& ex) {
  auto* node = &ex.node();
  auto count = [node] { return count_store(*node, node->objects()); };
  auto totals = co_await ex.on_disk(count);
  list_models only_count;
  auto models = co_await ex.ask<model_list>(node->catalog(), std::move(only_count), true);
  auto& directory = node->directory();
  auto& counters = ex.srv().metrics;
  nlohmann::json doc{{"version", SHOAL_VERSION},
                     {"models", models ? models->total : 0},
                     {"torrents", totals.torrents},
                     {"swarms", directory.swarm_count()},
                     {"peers", directory.peer_count()},
                     {"blocked", directory.blocked_count()},
                     {"objects", totals.objects.count},
                     {"object_bytes", totals.objects.bytes},
                     {"announces", counters.announces.value()},
                     {"scrapes", counters.scrapes.value()},
                     {"file_bytes_sent", counters.bytes_sent.value()}};
  co_await ex.send(json(200, doc.dump()).with("Cache-Control", "no-store"));
}

task<> openapi(exchange& ex) {
  static const std::string document{site::openapi_document()};
  co_await ex.send(json(200, document));
}

} // namespace shoal::http
