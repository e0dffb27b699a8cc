// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/limits.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace shoal::http {

struct pacer_config {
  uint64_t all_bytes_per_second = 0;  ///< Of all downloads from this node together; 0: no limit.
  uint64_t each_bytes_per_second = 0; ///< Of one principal's; 0: no limit.
  uint64_t each_bytes_per_day = 0;    ///< What a principal may fetch; 0: no limit.
  uint64_t all_bytes_per_day = 0;     ///< What all may fetch together; 0: no limit.
};

/// Says when the bytes of downloads may go. Token buckets on bytes: a download takes its portion
/// before it sends it, and waits as long as the bucket is in debt, so that all flow evenly instead
/// of in bursts, and whoever came first goes first. A quota is a bucket of a day that refills all
/// the time. In a cluster, what a principal fetches from other nodes is taken out of its buckets
/// here, too, a moment later. Memory is fixed at limits::paced_principals_max times 24 bytes: a new
/// principal takes the place of the one that owes least. Thread-safe; time is passed in.
class download_pacer {
public:
  using duration = std::chrono::nanoseconds;

  /// Sent at once after a rest.
  static constexpr std::chrono::milliseconds slack{200};

  /// New downloads are refused when those under way already have to wait so long.
  static constexpr std::chrono::seconds backlog_max{5};

  explicit download_pacer(const pacer_config& config);

  /// Whether there is any limit.
  bool is_on() const { return config_.all_bytes_per_second > 0 || counts_elsewhere(); }

  /// @returns 0 if `who` may begin a download; else seconds until it should ask again.
  uint32_t refusal_s(uint64_t who, mono_time now) const;

  /// @returns how many of `bytes` to take at once: 1..bytes.
  uint64_t portion(uint64_t bytes) const;

  /// Takes bytes, which are to be sent after the returned time.
  duration reserve(uint64_t who, uint64_t bytes, mono_time now);

  /// @param tell hears of all that is taken here from now on. Before the first download.
  void tell_others(std::function<void(uint64_t who, uint64_t bytes)> tell) {
    tell_ = std::move(tell);
  }

  /// Takes bytes that another node has sent.
  void charge(uint64_t who, uint64_t bytes, mono_time now);

  /// Bytes of that kind so far, for metrics.
  uint64_t elsewhere() const { return elsewhere_.load(std::memory_order_relaxed); }

  /// Whether what other nodes send counts: the rate of all is this node's own.
  bool counts_elsewhere() const {
    return config_.each_bytes_per_second + config_.each_bytes_per_day + config_.all_bytes_per_day
           > 0;
  }

  /// Principals whose bytes are counted, for metrics.
  size_t principals() const;

private:
  static constexpr size_t ways = 8;
  static constexpr size_t stripe_count = 64;
  static constexpr size_t sets_per_stripe = limits::paced_principals_max / stripe_count / ways;

  /// Times are nanoseconds of the monotonic clock: when all debts are paid.
  struct bucket {
    uint64_t key = 0; // 0 is free.
    int64_t rate_due = 0;
    int64_t quota_due = 0;
  };
  struct alignas(64) stripe {
    mutable std::mutex mutex;
    std::vector<bucket> buckets; // Made at the first use.
    size_t used = 0;
  };

  static uint64_t key_of(uint64_t who);
  static const bucket* find(const stripe& s, uint64_t key);
  static bucket& place(stripe& s, uint64_t key, int64_t now);

  /// What concerns the principal, and the day of all. @returns how long it has to wait.
  int64_t book(uint64_t who, uint64_t bytes, int64_t now);

  pacer_config config_;
  std::array<stripe, stripe_count> stripes_;
  mutable std::mutex mutex_;
  int64_t all_due_ = 0;
  int64_t all_quota_due_ = 0;
  std::function<void(uint64_t, uint64_t)> tell_; // Empty: the node is alone.
  std::atomic<uint64_t> elsewhere_{0};
};

} // namespace shoal::http
