// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace shoal::http {

/// What was used last, by a hash of what it is about. Thread-safe.
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

  /// Replaces what is there. Forgets those that were not asked for the longest time until the new
  /// one fits. One that is heavier than the whole cache may be is not kept.
  void put(const sha256_digest& digest, item made, size_t weight = 1) {
    std::lock_guard guard{mutex_};
    if (auto old = places_.find(digest); old != places_.end())
      forget(old->second);
    if (weight > weight_max_)
      return;
    while (weight_ + weight > weight_max_)
      forget(std::prev(entries_.end()));
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

  using place = typename std::list<entry>::iterator;

  void forget(place which) {
    weight_ -= which->weight;
    places_.erase(which->digest);
    entries_.erase(which);
  }

  size_t weight_max_;
  mutable std::mutex mutex_;
  std::list<entry> entries_; // Last used first.
  std::unordered_map<sha256_digest, place> places_;
  size_t weight_ = 0;
};

} // namespace shoal::http
