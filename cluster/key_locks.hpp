// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace shoal::cluster {

/// What a write only looks at and what it changes: etcd keys, each once and in one of the two.
struct key_use {
  std::vector<std::string> reads;
  std::vector<std::string> writes;
};

/// Which keys are in use. Two uses go together unless one of them changes what the other has.
class key_locks {
public:
  bool is_free(const key_use& wanted) const {
    for (const auto& key : wanted.reads)
      if (auto held = held_.find(key); held != held_.end() && held->second.written)
        return false;
    for (const auto& key : wanted.writes)
      if (held_.contains(key))
        return false;
    return true;
  }

  /// Also of what is not free: what waits keeps its keys from those that came later.
  void take(const key_use& use) {
    for (const auto& key : use.reads)
      ++held_[key].users;
    for (const auto& key : use.writes) {
      auto& held = held_[key];
      ++held.users;
      held.written = true;
    }
  }

  /// Of what was free when it was taken.
  void release(const key_use& use) {
    for (auto* keys : {&use.reads, &use.writes})
      for (const auto& key : *keys)
        if (auto held = held_.find(key); --held->second.users == 0)
          held_.erase(held);
  }

private:
  struct holders {
    uint32_t users = 0;
    bool written = false;
  };
  std::unordered_map<std::string, holders> held_;
};

} // namespace shoal::cluster
