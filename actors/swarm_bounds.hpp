// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/rate_limiter.hpp"
#include "core/limits.hpp"
#include "core/metrics.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace shoal {

/// What a swarm and a peer of it take, all in, rounded up (docs/benchmarks).
inline constexpr size_t swarm_bytes = 370;
inline constexpr size_t peer_bytes = 40;
inline constexpr size_t peer_id_bytes = 20; ///< More, for peers whose ids are kept.

struct bounds_config {
  size_t swarms_max = limits::swarms_max; ///< Beyond, only registered info-hashes get a swarm.
  size_t peers_max = 20'000'000;          ///< Of all swarms together.
  size_t memory_max_bytes = 0; ///< For all swarms and peers; lowers both bounds. 0 lowers nothing.
  size_t bytes_per_peer = peer_bytes;
  double new_swarms_per_second = 2;     ///< Per address; 0 is any number.
  double new_swarms_burst = 2000;       ///< At once after a rest; at least 1.
  std::vector<cidr> unlimited_networks; ///< May begin as many as they like.
  hash_key secret;
};

/// Which swarms go first when there is no more room; the oldest of a rank before younger ones. The
/// first two go as soon as a bound is reached, the others only if it is passed, which takes
/// registered newcomers. Swarms of registered torrents are never evicted.
enum class eviction_rank : uint8_t {
  deserted,   ///< Without peers: it would leave in a minute anyway.
  restored,   ///< Only peers of the last snapshot, none of which has come back.
  single,     ///< One address: what somebody who invents info-hashes makes.
  populated,  ///< Several.
  registered, ///< Never.
};
inline constexpr size_t eviction_rank_count = 4;

std::string_view name(eviction_rank rank);

/// Whether there is room for another swarm or peer. The use is measured once a second by one
/// thread, so a bound may be passed by what comes in a second; all else is safe on any thread.
class swarm_bounds {
public:
  enum class verdict : uint8_t { welcome, over_budget, full };

  explicit swarm_bounds(bounds_config config = {}) { configure(std::move(config)); }

  /// Bounds in numbers that do not fit into `memory_max_bytes` shrink in proportion, to 1 at least.
  void configure(bounds_config config);
  const bounds_config& config() const { return config_; }

  /// Whether somebody may begin a swarm for an info-hash that is not registered.
  verdict admit(const ip_address& from, size_t swarms, mono_time now);

  void measure(size_t swarms, size_t peers);

  /// While true, a newcomer takes the place of the oldest address of its swarm.
  bool peers_full() const { return peers_full_.load(std::memory_order_relaxed); }

  /// How many swarms and peers must go for this rank to be safe, as of the last measurement.
  struct excess {
    size_t swarms = 0;
    size_t peers = 0;

    bool any() const { return swarms != 0 || peers != 0; }
  };
  excess surplus(eviction_rank rank) const;

  /// Bytes of all swarms and peers, at most and as of the last measurement.
  size_t memory_max() const {
    return config_.swarms_max * swarm_bytes + config_.peers_max * config_.bytes_per_peer;
  }
  size_t memory() const { return memory_.load(std::memory_order_relaxed); }

  size_t budget_buckets() const { return budget_->size(); }

  // What happened, for metrics.
  metrics::counter over_budget;
  metrics::counter refused_full;
  std::array<metrics::counter, eviction_rank_count> evicted;

private:
  bounds_config config_;
  std::unique_ptr<rate_limiter> budget_;
  size_t swarms_ = 0;
  size_t peers_ = 0;
  std::atomic<size_t> memory_{0};
  std::atomic<bool> peers_full_{false};
};

} // namespace shoal
