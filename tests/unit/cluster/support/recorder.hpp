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

  /// What happened, by revision: an engine may tell several at once, but none in two parts.
  std::vector<change> events() const {
    std::vector<change> all;
    uint64_t stands = 0;
    for (auto& each : changes) {
      for (auto& event : each.events) {
        auto revision = event.kv.mod_revision;
        SHOAL_CHECK(revision > stands && revision <= each.revision);
        if (all.empty() || all.back().revision != revision)
          all.push_back({revision, {}});
        all.back().events.push_back(event);
      }
      SHOAL_CHECK(each.revision >= stands);
      stands = each.revision;
    }
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
