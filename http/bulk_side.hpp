// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/cluster_side.hpp"
#include "actors/pull_homes.hpp"
#include "core/limits.hpp"
#include "core/metrics.hpp"

#include <atomic>
#include <mutex>
#include <optional>

namespace shoal::http {

/// A part of an object.
struct object_part {
  sha256_digest object;
  uint64_t size_bytes = 0; ///< Of the whole object.
  uint64_t offset = 0;
  uint64_t length = 0;
  bool is_promised = true; ///< Nobody who does not find it may say that there is no such object.
};

/// How this node lets others read its objects and reads theirs, by HTTP with the certificates of
/// the links. Shared by all edges.
class bulk_side {
public:
  /// A place among the streams that come from other nodes.
  class seat {
  public:
    explicit seat(std::atomic<size_t>& of) : of_{&of} {}
    seat(seat&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    seat& operator=(seat&&) = delete;
    ~seat() {
      if (of_)
        --*of_;
    }

  private:
    std::atomic<size_t>* of_;
  };

  /// @param cluster outlives this.
  bulk_side(cluster_side& cluster, metrics::registry& registry);
  ~bulk_side();

  /// Takes part in the pulls of the cluster: this node asks origins. Before the edges start.
  void share_pulls(caf::actor_system& sys);

  /// Ends that. Once the edges are gone, before the actors are.
  void end_pulls();

  /// Which node pulls what; nobody: this one asks no origins.
  const pull_homes_actor& homes() const { return homes_; }

  /// Finds out whether the address is free, and reads the certificates. Before the edges listen.
  /// @errors ec::unavailable, ec::invalid_argument.
  result<void> prepare();

  /// Reads the certificates anew, for connections that come from now on. Thread-safe.
  /// @errors ec::invalid_argument: the ones in use stay.
  result<void> load();

  /// What connections start from, of both sides; null: they are plain. Thread-safe.
  cluster::link_context context() const;

  /// Where the edges listen.
  const endpoint& listen() const { return listen_; }
  void set_port(uint16_t port);

  /// For a stream of an object. @returns nothing if there are too many.
  std::optional<seat> enter();

  /// For a file that the other node pulls: of these there are far more at once, as all clients wait
  /// for the same bytes.
  std::optional<seat> enter_pull();

  /// Counts a request that got nothing, or not all.
  void count_failure(const error& why);

  metrics::counter& bytes;         ///< Of other nodes' objects, sent to clients.
  metrics::counter& switches;      ///< Streams that went on from another node.
  metrics::counter& pull_bytes;    ///< Of files that other nodes pull, sent to clients.
  metrics::counter& pull_switches; ///< Their streams that lost the other node.
  metrics::counter& strangers;     ///< Without a certificate.

private:
  cluster_side& cluster_;
  pull_homes_actor homes_;
  std::shared_ptr<late_mail> homes_mail_;
  endpoint listen_;
  mutable std::mutex mutex_;
  cluster::link_context context_;
  std::atomic<size_t> streams_{0};
  std::atomic<size_t> pulls_{0};
  metrics::counter& busy_;
  metrics::counter& not_found_;
  metrics::counter& unavailable_;
};

} // namespace shoal::http
