// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"
#include "protocol/ws_tracker.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace shoal {

/// An agent (`shoal seed`) that is connected, as it has described itself.
struct agent_card {
  ip_address address; ///< Where its connection comes from.
  ws_agent said;
  unix_seconds since = 0;
};

/// The agents that are connected to this node. Their peer actors write it; whoever chooses peers
/// and administrators read it. Any thread. Lost when it dies: nothing, agents connect again.
class agent_book {
public:
  /// What the choice of peers wants to know of an address.
  struct place {
    std::string zone;
    uint8_t pace = 0; ///< 1: it gives what it can; 2: from 10 MB/s; 3: from 100 MB/s.
  };

  /// @param line which connection it is. @returns false if there are too many.
  bool put(uint64_t line, const ip_address& address, ws_agent said, unix_seconds now);
  void remove(uint64_t line);

  /// Of several agents at one address the one that can give most.
  std::optional<place> find(const ip_address& address) const;

  /// @returns up to so many, those that are connected longest first.
  std::vector<agent_card> list(size_t max) const;

  size_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t reports() const { return reports_.load(std::memory_order_relaxed); }
  uint64_t capacity_bytes_per_second() const;

private:
  mutable std::shared_mutex mutex_;
  std::map<uint64_t, agent_card> agents_; ///< limits::agents_max at most.
  std::multimap<ip_address, uint64_t> lines_;
  std::atomic<size_t> count_{0}; ///< So that nobody waits while there is none.
  std::atomic<uint64_t> reports_{0};
};

} // namespace shoal
