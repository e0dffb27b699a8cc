// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace shoal {

/// A small open-addressing map from peer identities (which are keyed hashes already) to a few
/// bytes. Pointers and iteration are invalidated by any change.
template <class Value>
class identity_map {
public:
  size_t size() const { return size_ + (has_zero_ ? 1 : 0); }

  Value* find(uint64_t key) {
    if (key == 0)
      return has_zero_ ? &zero_ : nullptr;
    if (slots_.empty())
      return nullptr;
    auto i = slot_of(key);
    return slots_[i].key == key ? &slots_[i].value : nullptr;
  }

  const Value* find(uint64_t key) const { return const_cast<identity_map*>(this)->find(key); }

  /// @returns the value under `key`, made by default if there was none.
  Value& operator[](uint64_t key) {
    if (key == 0) {
      has_zero_ = true;
      return zero_;
    }
    if ((size_ + 1) * 4 > slots_.size() * 3)
      resize(slots_.empty() ? 8 : slots_.size() * 2);
    auto i = slot_of(key);
    if (slots_[i].key != key) {
      slots_[i] = {key, Value{}};
      ++size_;
    }
    return slots_[i].value;
  }

  void erase(uint64_t key) {
    if (key == 0) {
      has_zero_ = false;
      zero_ = Value{};
      return;
    }
    if (slots_.empty())
      return;
    auto hole = slot_of(key);
    if (slots_[hole].key != key)
      return;
    auto mask = slots_.size() - 1;
    for (auto i = (hole + 1) & mask; slots_[i].key != 0; i = (i + 1) & mask) {
      auto home = mix_bits(slots_[i].key) & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots_[hole] = std::move(slots_[i]);
        hole = i;
      }
    }
    slots_[hole] = {};
    --size_;
    if (slots_.size() > 8 && size_ * 8 < slots_.size())
      resize(slots_.size() / 2);
  }

  /// Calls `f(uint64_t key, Value&)` for all.
  template <class F>
  void for_each(F&& f) {
    if (has_zero_)
      f(uint64_t{0}, zero_);
    for (auto& s : slots_)
      if (s.key != 0)
        f(s.key, s.value);
  }

  template <class F>
  void for_each(F&& f) const {
    const_cast<identity_map*>(this)->for_each(
        [&f](uint64_t key, Value& value) { f(key, std::as_const(value)); });
  }

  /// Removes all for which `f(uint64_t key, Value&)` says so.
  template <class F>
  void erase_if(F&& f) {
    std::vector<uint64_t> doomed;
    for_each([&](uint64_t key, Value& value) {
      if (f(key, value))
        doomed.push_back(key);
    });
    for (auto key : doomed)
      erase(key);
  }

  size_t memory_bytes() const { return slots_.capacity() * sizeof(slot); }

private:
  struct slot {
    uint64_t key = 0; // 0 is free.
    Value value{};
  };

  size_t slot_of(uint64_t key) const {
    auto mask = slots_.size() - 1;
    auto i = mix_bits(key) & mask;
    while (slots_[i].key != 0 && slots_[i].key != key)
      i = (i + 1) & mask;
    return i;
  }

  void resize(size_t count) {
    auto old = std::move(slots_);
    slots_ = std::vector<slot>(count);
    for (auto& s : old)
      if (s.key != 0)
        slots_[slot_of(s.key)] = std::move(s);
  }

  std::vector<slot> slots_; // A power of two of them, or none.
  size_t size_ = 0;
  bool has_zero_ = false;
  Value zero_{};
};

} // namespace shoal
