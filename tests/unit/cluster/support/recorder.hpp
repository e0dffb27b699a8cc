// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

#include <functional>
#include <vector>

namespace shoal::test {

/// Writes down what it is told.
class recorder : public coordination::watcher {
public:
  struct change {
    uint64_t revision;
    std::vector<coordination::watch_event> events;
  };

  void started(uint64_t revision) override { began.push_back(revision); }

  void changed(uint64_t revision, std::span<const coordination::watch_event> events) override {
    changes.push_back({revision, {events.begin(), events.end()}});
    if (on_change)
      on_change();
  }

  void lost(const error& why) override { losses.push_back(why.code); }

  bool ended() const { return !losses.empty(); }

  /// The changes that are no progress.
  std::vector<change> events() const {
    std::vector<change> all;
    for (auto& each : changes)
      if (!each.events.empty())
        all.push_back(each);
    return all;
  }

  std::vector<uint64_t> began;
  std::vector<change> changes;
  std::vector<ec> losses;
  std::function<void()> on_change;
};

/// All keys that begin with `prefix`.
inline coordination::range_query all_of(std::string_view prefix) {
  return {std::string{prefix}, coordination::prefix_end(prefix), 1000, 0};
}

} // namespace shoal::test
