// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"
#include "protocol/link_agent.hpp"
#include "protocol/ws_tracker.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shoal {

/// An agent (`shoal seed`) that is connected, as it has described itself.
struct agent_card {
  ip_address address; ///< Where its connection comes from.
  ws_agent said;
  unix_seconds since = 0;
  std::string node = {};  ///< That it is connected to; empty: this one.
  unix_seconds until = 0; ///< When it is forgotten unless that node tells of it again; 0: never.
};

/// The agents that are connected to this node, and those that other nodes have told of. Their peer
/// actors and the links write it; whoever chooses peers and administrators read it. Any thread.
/// Lost when it dies: nothing, agents connect again.
class agent_book {
public:
  /// What the choice of peers wants to know of an address.
  struct place {
    std::string zone;
    uint8_t pace = 0; ///< 1: it gives what it can; 2: from 10 MB/s; 3: from 100 MB/s.
  };

  using teller = std::function<void(const link_agent&)>;

  explicit agent_book(std::function<unix_seconds()> now = unix_now) : now_{std::move(now)} {}

  /// @param who is told of each agent here, on the thread that writes. Before the first agent.
  void tell_others(teller who) { tell_ = std::move(who); }

  /// @param line which connection it is. @returns false if there are too many.
  bool put(uint64_t line, const ip_address& address, ws_agent said);
  void remove(uint64_t line);

  /// The same of agents that another node tells of: one that it does not repeat is forgotten.
  void hear(std::string node, const link_agent& who, ws_agent said);
  void lose(const std::string& node, uint64_t line);

  /// Of several agents at one address the one that can give most.
  std::optional<place> find(const ip_address& address) const;

  /// @returns up to so many, those that are connected longest first.
  std::vector<agent_card> list(size_t max) const;

  /// Of all nodes, about.
  size_t known() const { return known_.load(std::memory_order_relaxed); }

  /// Connected to this node, as are those of the next two.
  size_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t reports() const { return reports_.load(std::memory_order_relaxed); }
  uint64_t capacity_bytes_per_second() const;

private:
  using key = std::pair<std::string, uint64_t>; ///< Node, empty for this one, and line.

  bool note(const key& at, agent_card card);
  bool erase(const key& at);
  void sweep(unix_seconds now);

  const std::function<unix_seconds()> now_;
  teller tell_; ///< Empty: the node is alone.
  mutable std::shared_mutex mutex_;
  std::map<key, agent_card> agents_; ///< limits::agents_max of this node, and as many of others.
  std::multimap<ip_address, key> lines_;
  unix_seconds swept_at_ = 0;
  std::atomic<size_t> known_{0}; ///< So that nobody waits while there is none.
  std::atomic<size_t> count_{0};
  std::atomic<uint64_t> reports_{0};
};

} // namespace shoal
