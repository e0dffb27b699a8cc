// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"

#include <map>

namespace shoal::cluster {

/// Who may begin a handshake: some per second and some at once from each address (of IPv6: each
/// /64), limits::link_addresses_max of which are remembered. Beyond that, new ones have to wait.
class link_gate {
public:
  /// @returns whether the connection may go on; then `leave` follows when it is no stranger any
  /// more.
  bool admit(const ip_address& from, mono_time now);
  void leave(const ip_address& from);

  uint64_t turned_away() const { return turned_away_; }
  size_t addresses() const { return all_.size(); }

private:
  struct visitor {
    size_t strangers = 0;
    double tokens = 0;
    mono_time seen{};
  };

  static ip_address key_of(const ip_address& x);
  static void refill(visitor& x, mono_time now);
  void forget_idle(mono_time now);

  std::map<ip_address, visitor> all_;
  mono_time swept_{};
  uint64_t turned_away_ = 0;
};

} // namespace shoal::cluster
