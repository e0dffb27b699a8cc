// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/node.hpp"
#include "actors/tracker_gate.hpp"
#include "actors/web_metrics.hpp"
#include "http/config.hpp"
#include "http/disk_pool.hpp"
#include "http/git_book.hpp"
#include "http/in_place_desk.hpp"
#include "http/manifest_cache.hpp"
#include "http/principal.hpp"
#include "http/shelf_hints.hpp"
#include "http/signing_book.hpp"

#include <atomic>

namespace shoal::http {

/// What the whole HTTP edge counts. One instance per process; instruments are safe on any thread.
struct http_metrics {
  http_metrics(metrics::registry& registry, tracker_gate& gate);

  metrics::counter& bytes_sent; ///< Bodies of files.
  metrics::counter& malformed;  ///< Requests that are no HTTP.
  metrics::counter& no_route;   ///< Paths that nobody serves, and methods that they do not have.
  metrics::counter& rate_limited;
  metrics::counter& unauthorized;
  metrics::counter& over_quota;       ///< Downloads that a principal, or all, had no bytes for.
  metrics::counter& licence_required; ///< Files whose licence nobody has accepted yet.
  metrics::counter& pauses;           ///< Waits of downloads for their turn.
  metrics::counter& overdue;          ///< Connections cut for being too slow.
  metrics::counter& shed;             ///< Connections refused because the edge is full.
  metrics::counter& crowded;          ///< Connections refused because their address has too many.
  metrics::counter& bad_proxy_header;
  metrics::counter& handshakes; ///< TLS, finished.
  metrics::counter& bad_handshakes;
  metrics::counter& lane_announces;    ///< Answered by the announce lane, refusals included.
  metrics::counter connections_opened; ///< A connection may be for one request: threads must not
  metrics::counter connections_closed; ///< share a line of the cache to count it.
};

class bulk_side;

/// What handlers work with; outlives every edge.
struct services {
  const http_config& config;
  shoal::node& node;
  metrics::registry& registry;
  http_metrics& metrics;
  tracker_gate& gate;
  disk_pool& disk;
  web_metrics& web;
  bulk_side* bulk = nullptr; ///< Null: the node is alone.
  std::shared_ptr<manifest_cache> manifests = std::make_shared<manifest_cache>();
  std::shared_ptr<git_book> git = std::make_shared<git_book>();
  /// For what reads all of a revision: one at a time, beside the other reads.
  std::shared_ptr<disk_pool> hashing = std::make_shared<disk_pool>(1);
  std::shared_ptr<shelf_hints> shelf = std::make_shared<shelf_hints>();
  std::shared_ptr<signing_book> signing = std::make_shared<signing_book>(config.signing_rotation);
  std::shared_ptr<download_pacer> pacer = std::make_shared<download_pacer>(config.downloads);
  session_seal sessions{session_secret(node.secret())};
  std::atomic<bool> leaving{false}; ///< Everybody is to look for another node.
  std::atomic<bool> ending{false};  ///< Nobody waits for answers any more.
  std::shared_ptr<in_place_desk> in_place
      = std::make_shared<in_place_desk>(node.objects(), config.in_place_roots);
};

} // namespace shoal::http
