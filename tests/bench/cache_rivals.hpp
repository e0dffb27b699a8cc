// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/cache_policy.hpp"

#include <functional>
#include <list>
#include <string>
#include <unordered_map>

/// What `cache_policy` is compared with. Each is bounded in bytes and fetches what it does not
/// have.
namespace shoal::bench {

/// One way to run a cache. `ask` returns whether the object was there.
class cache {
public:
  virtual ~cache() = default;
  virtual bool ask(uint64_t object, uint64_t bytes) = 0;
};

/// The product's.
class s3_fifo : public cache {
public:
  s3_fifo(uint64_t bound, uint64_t settling_hits) : policy_(bound, settling_hits) {}

  bool ask(uint64_t object, uint64_t bytes) override {
    sha256_digest name;
    for (size_t i = 0; i < 8; ++i)
      name.bytes[4 + i] = static_cast<uint8_t>(object * 0x9e3779b97f4a7c15u >> (8 * i));
    if (policy_.contains(name)) {
      policy_.touch(name);
      return true;
    }
    if (policy_.make_room(bytes))
      policy_.add(name, bytes);
    return false;
  }

private:
  cache_policy policy_;
};

/// A list of objects with their sizes; the newest first.
class sized_list {
public:
  using item = std::pair<uint64_t, uint64_t>;

  bool has(uint64_t object) const { return at_.contains(object); }
  bool empty() const { return items_.empty(); }
  uint64_t bytes() const { return bytes_; }
  size_t count() const { return items_.size(); }
  const item& oldest() const { return items_.back(); }
  auto rbegin() const { return items_.rbegin(); }
  auto rend() const { return items_.rend(); }

  void add(uint64_t object, uint64_t bytes) {
    items_.emplace_front(object, bytes);
    at_[object] = items_.begin();
    bytes_ += bytes;
  }

  void renew(uint64_t object) { items_.splice(items_.begin(), items_, at_.at(object)); }

  item take(uint64_t object) {
    auto it = at_.at(object);
    auto taken = *it;
    bytes_ -= taken.second;
    at_.erase(object);
    items_.erase(it);
    return taken;
  }

private:
  std::list<item> items_;
  std::unordered_map<uint64_t, std::list<item>::iterator> at_;
  uint64_t bytes_ = 0;
};

/// First in, first out; or, with `renews`, least recently used.
class queue_cache : public cache {
public:
  queue_cache(uint64_t bound, bool renews) : bound_(bound), renews_(renews) {}

  bool ask(uint64_t object, uint64_t bytes) override {
    if (items_.has(object)) {
      if (renews_)
        items_.renew(object);
      return true;
    }
    if (bytes > bound_)
      return false;
    while (items_.bytes() + bytes > bound_)
      items_.take(items_.oldest().first);
    items_.add(object, bytes);
    return false;
  }

private:
  uint64_t bound_;
  bool renews_;
  sized_list items_;
};

/// W-TinyLFU for objects of different sizes: a window of 1 %, a main part of two segments, and a
/// newcomer that is let in only if it was asked for more often than the first one that would have
/// to go, or, with `aggregates`, than all of these together. Frequencies are exact where the
/// original estimates them, so this one is no worse.
/// @source Einziger et al., "TinyLFU", ACM ToS 2017; "Lightweight robust size aware cache
/// management", ACM ToS 2022 (the aggregated victims).
class w_tiny_lfu : public cache {
public:
  w_tiny_lfu(uint64_t bound, bool aggregates)
      : window_bytes_(bound / 100), main_bytes_(bound - bound / 100), aggregates_(aggregates) {}

  bool ask(uint64_t object, uint64_t bytes) override {
    count(object);
    if (window_.has(object))
      return window_.renew(object), true;
    if (protected_.has(object))
      return protected_.renew(object), true;
    if (probation_.has(object))
      return promote(object), true;
    window_.add(object, bytes);
    while (window_.bytes() > window_bytes_) {
      auto [candidate, size] = window_.take(window_.oldest().first);
      admit(candidate, size);
    }
    return false;
  }

private:
  void count(uint64_t object) {
    auto& n = frequency_[object];
    n = std::min(n + 1, 15u);
    auto entries = window_.count() + probation_.count() + protected_.count();
    if (++counted_ < 10 * std::max<size_t>(entries, 100))
      return;
    counted_ = 0; // Old fame fades.
    for (auto it = frequency_.begin(); it != frequency_.end();)
      it = (it->second /= 2) == 0 ? frequency_.erase(it) : std::next(it);
  }

  unsigned frequency(uint64_t object) const {
    auto found = frequency_.find(object);
    return found == frequency_.end() ? 0 : found->second;
  }

  void promote(uint64_t object) {
    auto [name, size] = probation_.take(object);
    protected_.add(name, size);
    while (protected_.bytes() > main_bytes_ / 5 * 4) {
      auto [demoted, bytes] = protected_.take(protected_.oldest().first);
      probation_.add(demoted, bytes);
    }
  }

  void admit(uint64_t candidate, uint64_t size) {
    if (size > main_bytes_)
      return;
    uint64_t used = probation_.bytes() + protected_.bytes();
    uint64_t to_free = used + size > main_bytes_ ? used + size - main_bytes_ : 0;
    std::vector<uint64_t> victims;
    unsigned their_frequency = 0;
    for (auto* part : {&probation_, &protected_})
      for (auto it = part->rbegin(); it != part->rend() && to_free > 0; ++it) {
        victims.push_back(it->first);
        if (aggregates_ || victims.size() == 1)
          their_frequency += frequency(it->first);
        to_free -= std::min(to_free, it->second);
      }
    if (!victims.empty() && frequency(candidate) <= their_frequency)
      return;
    for (auto victim : victims)
      (probation_.has(victim) ? probation_ : protected_).take(victim);
    probation_.add(candidate, size);
  }

  uint64_t window_bytes_;
  uint64_t main_bytes_;
  bool aggregates_;
  sized_list window_;
  sized_list probation_;
  sized_list protected_;
  std::unordered_map<uint64_t, unsigned> frequency_;
  size_t counted_ = 0;
};

} // namespace shoal::bench
