// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/link_spent.hpp"

#include <functional>
#include <mutex>
#include <unordered_map>

namespace shoal {

/// What principals have fetched from this node and the others were not told yet, and the way to
/// whoever counts what they tell: with it the bytes of a principal count on every node, whichever
/// it fetches them from. Thread-safe. Lost when it dies: what was fetched in the last moments
/// counts on one node only.
class spent_book {
public:
  using counter = std::function<void(const link_spent&)>;

  /// Beyond limits::spent_principals_max those who are new are left out.
  void note(uint64_t who, uint64_t bytes);

  /// @returns what fits one message, and forgets it.
  link_spent take();

  /// @param who hears from now on what other nodes tell, on any thread.
  void count_with(counter who);

  /// Another node tells this.
  void hear(const link_spent& x) const;

private:
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, uint64_t> untold_;
  counter counter_;
};

} // namespace shoal
