// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "cluster/flaw.hpp"

#include <functional>

namespace shoal::cluster {

struct lease_config {
  std::chrono::seconds ttl{5};
  /// Stops acting so long before the lease can end: for clocks that run at different speeds, and
  /// for what is done between looking at the clock and acting.
  std::chrono::milliseconds margin{1000};
  std::chrono::milliseconds period{1000};  ///< Between two renewals.
  std::chrono::milliseconds timeout{1000}; ///< Of each request.
  flaw broken = flaw::none;
};

/// A node's lease: gets one, keeps it alive, and says until when it certainly holds. The service
/// counts from when it hears a renewal, which is after it was sent: so what is counted here from
/// the sending, minus the margin, ends first.
class lease_keeper {
public:
  using clock = std::function<mono_time()>;

  /// @param store, now outlive the keeper.
  lease_keeper(coordination::store& store, const lease_config& config, const clock& now);

  /// Does what is due. Call it often, compared to `margin`.
  void advance();

  /// 0: none, or it is known to have ended.
  coordination::lease_id lease() const { return lease_; }

  /// Whether the lease exists at `now`, and for the margin longer.
  bool holds(mono_time now) const {
    return lease_ != 0 && (now < until_ || config_.broken == flaw::lease_without_end);
  }

  /// Until when `holds` says so, unless it is renewed or lost before.
  mono_time holds_until() const { return lease_ == 0 ? mono_time::min() : until_; }

  /// How many leases were had; each begins with nothing.
  uint64_t generation() const { return generation_; }

  /// Ends the lease and gets no other. @param then once it is over, or cannot be ended.
  void end(std::function<void()> then);

private:
  void grant(mono_time now);
  void renew(mono_time now);
  void extend(mono_time asked, std::chrono::seconds left);

  coordination::store& store_;
  lease_config config_;
  const clock& now_;
  coordination::lease_id lease_ = 0;
  mono_time until_{};
  mono_time next_{};
  bool waiting_ = false;
  bool ended_ = false;
  uint64_t generation_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
