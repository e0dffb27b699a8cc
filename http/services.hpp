// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/node.hpp"
#include "actors/rate_limiter.hpp"
#include "http/config.hpp"
#include "http/disk_pool.hpp"
#include "http/manifest_cache.hpp"

namespace shoal::http {

/// What the whole HTTP edge counts. One instance per process; instruments are safe on any thread.
struct http_metrics {
  explicit http_metrics(metrics::registry& registry);

  metrics::counter& announces;  ///< tracker_announces_total: handled, refusals not included.
  metrics::counter& scrapes;    ///< tracker_scrapes_total
  metrics::counter& bytes_sent; ///< Bodies of files.
  metrics::counter& malformed;  ///< Requests that are no HTTP.
  metrics::counter& no_route;   ///< Paths that nobody serves, and methods that they do not have.
  metrics::counter& rate_limited;
  metrics::counter& unauthorized;
  metrics::counter& blocked;
  metrics::counter& unregistered;
  metrics::counter& bad_announce;
  metrics::counter& unanswered; ///< Announces whose swarm did not answer in time.
  metrics::counter& overdue;    ///< Connections cut for being too slow.
  metrics::counter& shed;       ///< Connections refused because the edge is full.
  metrics::gauge& connections;
  metrics::histogram& announce_seconds;
};

/// What handlers work with; outlives every edge.
struct services {
  const http_config& config;
  shoal::node& node;
  metrics::registry& registry;
  http_metrics& metrics;
  rate_limiter& limiter;
  disk_pool& disk;
  std::shared_ptr<manifest_cache> manifests = std::make_shared<manifest_cache>();
};

} // namespace shoal::http
