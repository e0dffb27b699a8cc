// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/counter_flusher.hpp"

#include <mutex>

namespace shoal::cluster {

/// What a node has counted and not yet written, for many threads that count and look, and one that
/// writes. Thread-safe.
class counter_ledger {
public:
  /// @param records_max with amounts at once.
  explicit counter_ledger(size_t records_max) : records_max_{records_max} {}

  /// @returns false if too many records wait; then nothing is counted.
  bool add(const counter_key& of, const counter_amounts& amounts);

  counter_amounts pending(const counter_key& of) const;
  size_t size() const;

  /// Hands what is new to the writer. Called on its thread, as the next two.
  void hand_over(counter_flusher& to);

  /// That is written, and waits no more.
  void settle(const counter_flusher& with, const commit_request& written);
  void settle_all(const counter_flusher& with);

private:
  using amounts_map = std::map<counter_key, counter_amounts>;

  amounts_map::iterator settle(const counter_flusher& with, amounts_map::iterator at);

  size_t records_max_;
  mutable std::mutex mutex_;
  amounts_map new_; // Not handed over.
  amounts_map all_; // With what the writer has.
};

} // namespace shoal::cluster
