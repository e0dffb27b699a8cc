// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_table.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shoal {

struct usage_entry {
  std::string user;
  usage_delta delta;

  bool operator==(const usage_entry&) const = default;
};

/// What users have moved since the store was told. Owned by one actor, which drains it in batches
/// and gives back a batch that could not be written. Sums saturate instead of wrapping.
class usage_ledger {
public:
  static constexpr size_t users_max = 100'000; ///< Users with something pending.

  explicit usage_ledger(size_t max_users = users_max) : max_users_(max_users) {}

  /// @returns false if the ledger is full of other users: the delta is lost and counted.
  bool add(std::string_view user, const usage_delta& delta);

  /// Takes at most `count` users' sums out, in no particular order.
  std::vector<usage_entry> take(size_t count);

  /// Puts a batch back that the store refused. It was counted in before, so the bound yields here.
  void give_back(const std::vector<usage_entry>& batch);

  size_t size() const { return pending_.size(); }
  bool empty() const { return pending_.empty(); }

  /// Deltas lost to the bound so far, for metrics.
  uint64_t dropped() const { return dropped_; }

private:
  struct hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };

  void merge(std::string_view user, const usage_delta& delta);

  size_t max_users_;
  std::unordered_map<std::string, usage_delta, hash, std::equal_to<>> pending_;
  uint64_t dropped_ = 0;
};

} // namespace shoal
