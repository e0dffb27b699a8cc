// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/ids.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace shoal {

/// An open-addressing map from info-hashes to something small, without a node per element: about
/// 1.4 times the size of an element each. Outsiders choose the hashes, so places are chosen by a
/// secret. Pointers and iteration are invalidated by any change.
/// @tparam Record has a member `info_hash key` and a `bool used`, false at first, which are the
/// map's. They are inside so that no byte is lost to alignment.
template <class Record>
class info_hash_map {
public:
  explicit info_hash_map(const hash_key& secret) : secret_{secret} {}

  size_t size() const { return size_; }

  Record* find(const info_hash& key) {
    if (slots_.empty())
      return nullptr;
    auto& s = slots_[place_of(key)];
    return s.used ? &s : nullptr;
  }

  const Record* find(const info_hash& key) const {
    return const_cast<info_hash_map*>(this)->find(key);
  }

  /// @returns the record under `key`, made by default if there was none.
  Record& operator[](const info_hash& key) {
    if ((size_ + 1) * 5 > slots_.size() * 4)
      resize(size_ + size_ / 2 + size_ / 16 + 4);
    auto& s = slots_[place_of(key)];
    if (!s.used) {
      s.used = true;
      s.key = key;
      ++size_;
    }
    return s;
  }

  void erase(const info_hash& key) {
    if (slots_.empty())
      return;
    auto hole = place_of(key);
    if (!slots_[hole].used)
      return;
    for (auto i = next(hole); slots_[i].used; i = next(i))
      if (distance(home(slots_[i].key), i) >= distance(hole, i)) {
        slots_[hole] = std::move(slots_[i]);
        hole = i;
      }
    slots_[hole] = {};
    --size_;
    if (slots_.size() > 16 && size_ * 4 < slots_.size())
      resize(size_ + size_ / 2 + size_ / 16 + 4);
  }

  /// Calls `f(const Record&)` for all.
  template <class F>
  void for_each(F&& f) const {
    for (auto& s : slots_)
      if (s.used)
        f(s);
  }

private:
  size_t home(const info_hash& key) const {
    auto hash = keyed_hash(secret_, key.bytes);
    return static_cast<size_t>(((hash >> 32) * slots_.size()) >> 32);
  }

  size_t next(size_t i) const { return i + 1 == slots_.size() ? 0 : i + 1; }

  size_t distance(size_t from, size_t to) const {
    return to >= from ? to - from : to + slots_.size() - from;
  }

  size_t place_of(const info_hash& key) const {
    auto i = home(key);
    while (slots_[i].used && slots_[i].key != key)
      i = next(i);
    return i;
  }

  void resize(size_t count) {
    auto old = std::exchange(slots_, std::vector<Record>(count));
    for (auto& s : old)
      if (s.used)
        slots_[place_of(s.key)] = std::move(s);
  }

  hash_key secret_;
  std::vector<Record> slots_; // At most four fifths are used.
  size_t size_ = 0;
};

} // namespace shoal
