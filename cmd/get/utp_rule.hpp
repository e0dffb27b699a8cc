// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

namespace shoal::get {

/// When a download begins to call peers by uTP. Over TCP the same bytes come faster and cost half
/// of the CPU; by uTP alone peers are reached whose NAT is to be opened.
class utp_rule {
public:
  using clock = std::chrono::steady_clock;

  /// Shorter than libtorrent waits for a TCP connection (`peer_connect_timeout`, 15 s), when it
  /// asks others to open a NAT, and than until it calls one again who has hung up (10 s).
  static constexpr auto patience = std::chrono::seconds(8);

  /// @param unreached how many peers are known and not connected.
  /// @returns whether uTP is to be used, from now on for good.
  bool allows(clock::time_point now, int unreached) {
    if (unreached <= 0)
      since_.reset();
    else if (!since_)
      since_ = now;
    allowed_ = allowed_ || (since_ && now - *since_ >= patience);
    return allowed_;
  }

private:
  std::optional<clock::time_point> since_; ///< Since then there was always one.
  bool allowed_ = false;
};

} // namespace shoal::get
