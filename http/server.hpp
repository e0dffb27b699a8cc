// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/bulk_side.hpp"
#include "http/edge.hpp"
#include "http/object_puller.hpp"

#include <memory>

namespace shoal::http {

/// The HTTP edge of a node: its threads, the disk pool, and what they share.
class server {
public:
  /// @param node, gate, metrics outlive the server.
  server(http_config config, shoal::node& node, tracker_gate& gate, metrics::registry& metrics);
  ~server();

  /// Has each edge thread make a guest of its own. Call before `start`.
  void add_guests(edge_guest_factory make) { guests_.push_back(std::move(make)); }

  /// Binds all addresses and starts serving.
  /// @errors ec::unavailable; ec::invalid_argument: a certificate cannot be used.
  result<void> start();

  /// Reads the certificates anew for connections that come from now on. Thread-safe.
  /// @errors ec::invalid_argument: the ones in use stay.
  result<void> reload_certificates();

  /// The same for those of the cluster's links, with which objects go between nodes.
  /// @errors ec::invalid_argument: the ones in use stay.
  result<void> reload_link_certificates() { return bulk_ ? bulk_->load() : result<void>{}; }

  const tls_context& certificates() const { return commons_.tls; }

  /// See tls_context::share_tickets.
  void share_tickets(std::vector<ticket_keys::key> keys) {
    commons_.tls.share_tickets(std::move(keys));
  }

  /// See session_seal::change_secrets. Thread-safe.
  void share_sessions(std::vector<std::string> secrets) {
    services_.sessions.change_secrets(std::move(secrets));
  }

  /// See signing_book::use. Thread-safe.
  void share_signing(std::span<const cluster::key_generation> generations, uint64_t current) {
    services_.signing->use(generations, current);
  }

  /// From now on /health says that the node leaves, and answers end their connections, so that load
  /// balancers and clients go elsewhere before `stop`. Thread-safe.
  void announce_leave() { services_.leaving = true; }

  /// Lets exchanges in flight finish, cuts what is left after `patience`, ends the threads.
  void stop(std::chrono::seconds patience);

private:
  /// What bounds are used up to; the bounds themselves are in limit_metrics.hpp.
  void add_use_metrics(metrics::registry& registry);

  /// What is fetched here counts on the other nodes, and what is fetched there here.
  void share_quotas();

  http_config config_;
  disk_pool disk_;
  http_metrics metrics_;
  web_metrics web_;
  std::unique_ptr<bulk_side> bulk_; // Null, as the last ones of these: the node is alone.
  services services_;
  router routes_;
  std::unique_ptr<router> bulk_routes_;
  std::unique_ptr<object_puller> puller_;
  edge_commons commons_;
  std::vector<edge_guest_factory> guests_;
  std::vector<std::unique_ptr<edge>> edges_;
};

} // namespace shoal::http
