// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace shoal {

/// How many of the I/O threads ("edges") take in new connections and UDP packets: as few as can.
/// One thread that is busy handles large batches and seldom sleeps; the same work spread over many
/// costs a wake-up and several system calls for each handful of requests (ADR 0017). The edges
/// 0..size()-1 are on duty; who is not still serves the connections that it has.
///
/// A thread that falls behind gets help within milliseconds; help that is not needed any more
/// leaves within seconds. Safe on any thread.
class edge_crew {
public:
  /// Makes the kernel give new work to the first so many edges. @returns false if it cannot.
  using steer = std::function<bool(unsigned)>;

  /// @param edges 1.. threads there are. All are on duty until `begin`.
  explicit edge_crew(unsigned edges) : busy_(edges, 0.0), size_{edges} {}

  /// Sends all but one off duty. If that cannot be done, all stay on duty for good.
  void begin(const steer& apply);

  /// An edge has had more than a turn takes for edge_backlog::patience: twice as many as before go
  /// on duty.
  void reinforce(unsigned edge, const steer& apply);

  /// What an edge says each second. The first one then sends those off duty that are not needed.
  /// @param busy share of the time in which it did not wait, 0 to 1.
  void report(unsigned edge, double busy, const steer& apply);

  unsigned size() const { return size_.load(std::memory_order_relaxed); }

private:
  void change(unsigned size, const steer& apply);

  std::mutex mutex_;
  std::vector<double> busy_; // As of each edge's last report.
  std::atomic<unsigned> size_;
  bool steered_ = false;
};

/// Tells an edge when it falls behind.
class edge_backlog {
public:
  /// Bursts are shorter; clients do not notice it.
  static constexpr std::chrono::milliseconds patience{2};

  /// @param more whether a turn has left work of new clients behind. @param now read if so.
  /// @returns whether that has been so in all turns for `patience`; begins anew then.
  bool lasts(bool more, mono_time (*now)() = mono_now);

private:
  mono_time since_{};
};

/// Steers what comes to the sockets of one address between those that edges have bound to it (in
/// the order of their numbers, with SO_REUSEPORT). UDP packets and connections go to one of the
/// first `edges` by chance; connections stay where they are.
/// @param socket any of them. @returns false, with errno, if the kernel does not do that.
bool steer_sockets(int socket, unsigned edges);

} // namespace shoal
