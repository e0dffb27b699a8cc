// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace shoal::http {

/// What was made of immutable bytes and used last, by their hash: nothing here ever goes stale.
/// Thread-safe.
template <class Value>
class digest_cache {
public:
  using item = std::shared_ptr<const Value>;

  /// @param weight_max bound on the weights of all items together.
  explicit digest_cache(size_t weight_max) : weight_max_{weight_max} {}

  /// @returns null if the item is not here.
  item find(const sha256_digest& digest) {
    std::lock_guard guard{mutex_};
    auto i = places_.find(digest);
    if (i == places_.end())
      return nullptr;
    entries_.splice(entries_.begin(), entries_, i->second);
    return i->second->made;
  }

  /// Forgets those that were not asked for the longest time until the new one fits. One that is
  /// heavier than the whole cache may be is not kept.
  void put(const sha256_digest& digest, item made, size_t weight = 1) {
    std::lock_guard guard{mutex_};
    if (weight > weight_max_ || places_.contains(digest))
      return;
    while (weight_ + weight > weight_max_) {
      weight_ -= entries_.back().weight;
      places_.erase(entries_.back().digest);
      entries_.pop_back();
    }
    entries_.push_front({digest, std::move(made), weight});
    places_.emplace(digest, entries_.begin());
    weight_ += weight;
  }

  /// Of all items.
  size_t weight() const {
    std::lock_guard guard{mutex_};
    return weight_;
  }

private:
  struct entry {
    sha256_digest digest;
    item made;
    size_t weight;
  };

  size_t weight_max_;
  mutable std::mutex mutex_;
  std::list<entry> entries_; // Last used first.
  std::unordered_map<sha256_digest, typename std::list<entry>::iterator> places_;
  size_t weight_ = 0;
};

} // namespace shoal::http
