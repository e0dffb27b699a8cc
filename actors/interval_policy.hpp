// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace shoal {

struct interval_config {
  uint32_t base_s = 1800;         ///< For a swarm of middle size and age on a node at ease.
  uint32_t min_s = 1800;          ///< The shortest interval, before the jitter.
  uint32_t max_s = 3600;          ///< The longest interval, before the jitter.
  uint32_t jitter_percent = 10;   ///< Drawn evenly either way, after all else.
  uint32_t target_per_second = 0; ///< Announces that the node is to handle; 0: any number.
};

/// What the interval of a swarm depends on.
struct swarm_shape {
  uint32_t seeders = 0;
  uint32_t leechers = 0;
  uint32_t age_s = 0; ///< Since its first announce on this node.
};

/// How long a peer is to stay silent. Short while a swarm is young or so small that each peer
/// counts, long where it is large and nothing changes, longer and spread wide after a restart,
/// longer under load: overload costs freshness, never an error. Pure but for the load, which one
/// thread sets and all read.
class interval_policy {
public:
  /// Below this age a swarm is young. Peers need each other most while few have anything.
  static constexpr uint32_t young_s = 600;
  /// With fewer peers a swarm with leechers is small.
  static constexpr uint32_t small_peers = 10;
  /// With as many a swarm is large, and very large with ten times as many.
  static constexpr uint32_t large_peers = 1000;
  /// So long after a restart intervals are spread.
  static constexpr uint32_t herd_s = 3600;

  explicit interval_policy(const interval_config& config = {}) : config_{config} {}

  void configure(const interval_config& config) { config_ = config; }
  const interval_config& config() const { return config_; }

  /// @param uptime_s seconds since the node came back with its swarms; UINT32_MAX if it did not.
  /// @param random any 64 bits. @returns seconds, within the bounds and the jitter.
  uint32_t draw(const swarm_shape& swarm, uint32_t uptime_s, uint64_t random) const;

  /// What a peer is told that the node has no room for.
  uint32_t longest(uint64_t random) const { return jitter(config_.max_s, random); }

  /// When a peer has certainly missed its time, whatever interval it was given.
  uint32_t ttl_s() const;

  /// With a larger busy share of the I/O threads intervals grow, up to twice where nothing is left.
  static constexpr double busy_from = 0.75;

  /// Tells what the last second was like; smoothed over some seconds.
  /// @param busy_share of the I/O threads, 0 to 1.
  void note_load(double announces_per_second, double busy_share);

  /// How much longer intervals are for the load: 1000 is not at all.
  uint32_t load_permille() const { return load_permille_.load(std::memory_order_relaxed); }

private:
  uint32_t jitter(uint64_t seconds, uint64_t random) const;

  interval_config config_;
  double rate_ = 0; // Both are smoothed.
  double busy_ = 0;
  std::atomic<uint32_t> load_permille_{1000};
};

} // namespace shoal
