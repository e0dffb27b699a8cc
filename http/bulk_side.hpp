// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/cluster_side.hpp"
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
};

/// How this node lets others read its objects and reads theirs, by HTTP with the certificates of
/// the links. Shared by all edges.
class bulk_side {
public:
  /// A place among the streams that come from other nodes.
  class seat {
  public:
    explicit seat(bulk_side& at) : at_{&at} {}
    seat(seat&& other) noexcept : at_{std::exchange(other.at_, nullptr)} {}
    seat& operator=(seat&&) = delete;
    ~seat() {
      if (at_)
        --at_->streams_;
    }

  private:
    bulk_side* at_;
  };

  /// @param cluster outlives this.
  bulk_side(cluster_side& cluster, metrics::registry& registry);

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

  /// @returns nothing if there are too many streams.
  std::optional<seat> enter();

  /// Counts a request that got nothing, or not all.
  void count_failure(const error& why);

  metrics::counter& bytes;     ///< Of other nodes' objects, sent to clients.
  metrics::counter& switches;  ///< Streams that went on from another node.
  metrics::counter& strangers; ///< Without a certificate.

private:
  cluster_side& cluster_;
  endpoint listen_;
  mutable std::mutex mutex_;
  cluster::link_context context_;
  std::atomic<size_t> streams_{0};
  metrics::counter& busy_;
  metrics::counter& not_found_;
  metrics::counter& unavailable_;
};

} // namespace shoal::http
