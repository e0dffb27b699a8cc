// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <optional>
#include <string>

namespace shoal::cluster {

/// How a node stands in its cluster, as whoever keeps its lease last said.
struct lease_state {
  mono_time ticked_at{};  ///< When that was.
  mono_time acts_until{}; ///< If the lease is not renewed before.
  bool joined = false;    ///< The node's record stands in etcd.
  bool reachable = false; ///< Etcd, as its client has last seen it.
};

/// When an operator should hear that a node has been without its lease for long, and why. Look from
/// another thread than the one that keeps the lease: that one may be what hangs.
class lease_alarm {
public:
  struct news {
    std::chrono::seconds without{};
    std::string why; ///< Empty: it is over.
  };

  /// Call it every second or so. Time in which nobody looks does not count: the whole process may
  /// have been stopped, and needs a moment.
  std::optional<news> look(const lease_state& state, mono_time now);

private:
  static std::string reason(const lease_state& state, mono_time now);

  std::optional<mono_time> since_;
  mono_time told_at_{};
  bool told_ = false;
};

} // namespace shoal::cluster
