// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <algorithm>
#include <thread>

namespace shoal::http {

namespace {

http_config with_threads(http_config config) {
  if (config.threads == 0)
    config.threads = std::max(1u, std::thread::hardware_concurrency());
  return config;
}

} // namespace

server::server(http_config config, shoal::node& node, metrics::registry& metrics)
  : config_{with_threads(std::move(config))},
    disk_{config_.disk_threads},
    limiter_{{config_.rate_per_second, config_.rate_burst, node.secret()}},
    metrics_{metrics},
    services_{config_, node, metrics, metrics_, limiter_, disk_},
    routes_{metrics} {
}

server::~server() {
  stop(std::chrono::seconds{0});
}

result<void> server::start() {
  for (unsigned i = 0; i < config_.threads; ++i) {
    edges_.push_back(std::make_unique<edge>(i, config_.threads, services_, routes_));
    if (auto bound = edges_.back()->listen(); !bound)
      return bound;
  }
  for (auto& e : edges_)
    e->start();
  return {};
}

void server::stop(std::chrono::seconds patience) {
  for (auto& e : edges_)
    e->drain();
  auto deadline = mono_now() + patience;
  auto drained = [&] {
    return std::all_of(edges_.begin(), edges_.end(), [](auto& e) { return e->drained(); });
  };
  while (!drained() && mono_now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  for (auto& e : edges_)
    e->stop();
  disk_.join();
  edges_.clear();
}

} // namespace shoal::http
