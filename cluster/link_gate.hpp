// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"

#include <map>
#include <set>

namespace shoal::cluster {

/// Who may begin a handshake: some per second and some at once from each address (of IPv6: each
/// /64). The addresses of nodes have that for themselves. All others together have
/// limits::link_unknown_handshakes_per_second_max, so that many of them can neither keep the thread
/// busy nor keep out nodes.
class link_gate {
public:
  enum class guest : uint8_t { turned_away, unknown, node };

  /// @param nodes addresses from which nodes are expected.
  void expect(const std::set<ip_address>& nodes);

  /// @returns as what the connection may go on; then `leave` follows when it is no stranger any
  /// more.
  guest admit(const ip_address& from, mono_time now);
  void leave(const ip_address& from, guest as);

  uint64_t turned_away() const { return turned_away_; }
  size_t addresses() const { return all_.size(); }

private:
  struct visitor {
    size_t strangers = 0;
    double tokens = 0;
    mono_time seen{};
  };

  static ip_address key_of(const ip_address& x);
  static void refill(visitor& x, double per_second, mono_time now);
  static bool enter(visitor& x, mono_time now);
  bool admit_unknown(const ip_address& from, mono_time now);
  void forget_idle(mono_time now);

  std::map<ip_address, visitor> nodes_;
  std::map<ip_address, visitor> all_; ///< The unknown ones.
  visitor shared_;                    ///< All unknown ones together.
  mono_time swept_{};
  uint64_t turned_away_ = 0;
};

} // namespace shoal::cluster
