// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_index.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace shoal {

namespace {

/// Stands for the counts of entries that have none, so that searches need not ask.
const live_counts nobody{0};

const live_counts* or_nobody(const live_counts* live) {
  return live ? live : &nobody;
}

} // namespace

// -- dictionary ---------------------------------------------------------------

uint32_t registry_index::dictionary::add(std::string_view text) {
  auto at = numbers_.find(text);
  if (at == numbers_.end()) {
    auto number = uint32_t(words_.size());
    if (free_.empty()) {
      words_.emplace_back();
    } else {
      number = free_.back();
      free_.pop_back();
    }
    at = numbers_.emplace(std::string(text), number).first;
    words_[number].text = &at->first;
  }
  ++words_[at->second].uses;
  return at->second;
}

uint32_t registry_index::dictionary::find(std::string_view text) const {
  auto at = numbers_.find(text);
  return at == numbers_.end() ? none : at->second;
}

void registry_index::dictionary::release(uint32_t number) {
  auto& w = words_[number];
  if (--w.uses > 0)
    return;
  numbers_.erase(numbers_.find(*w.text));
  w.text = nullptr;
  free_.push_back(number);
}

size_t registry_index::dictionary::memory_bytes() const {
  // A node holds the key, the number, the hash and a link.
  return words_.capacity() * sizeof(word) + free_.capacity() * sizeof(uint32_t)
         + numbers_.size() * (sizeof(std::string) + 24) + numbers_.bucket_count() * sizeof(void*);
}

// -- rows and keys --------------------------------------------------------------

registry_index::registry_index() {
  std::random_device source;
  auto random = [&] { return uint64_t{source()} << 32 | source(); };
  secret_ = {random(), random()};
}

std::string_view registry_index::key(uint32_t row) const {
  auto begin = row == 0 ? 0 : key_ends_[row - 1];
  return std::string_view(keys_).substr(begin, key_ends_[row] - begin);
}

uint64_t registry_index::home(std::string_view key) const {
  return keyed_hash(secret_, {reinterpret_cast<const uint8_t*>(key.data()), key.size()});
}

/// @returns the slot that holds the key's row, or the free one where it belongs.
size_t registry_index::slot_of(std::string_view wanted) const {
  auto mask = slots_.size() - 1;
  auto slot = home(wanted) & mask;
  while (slots_[slot] != none && key(slots_[slot]) != wanted)
    slot = (slot + 1) & mask;
  return slot;
}

uint32_t registry_index::find(std::string_view key) const {
  return slots_.empty() ? none : slots_[slot_of(key)];
}

bool registry_index::contains(std::string_view key) const {
  return find(key) != none;
}

void registry_index::grow_slots() {
  if ((live_rows_ + 1) * 4 <= slots_.size() * 3)
    return;
  auto old
      = std::exchange(slots_, std::vector<uint32_t>(std::max<size_t>(16, slots_.size() * 2), none));
  for (auto row : old)
    if (row != none)
      slots_[slot_of(key(row))] = row;
}

void registry_index::unmap(size_t hole) {
  auto mask = slots_.size() - 1;
  for (auto i = (hole + 1) & mask; slots_[i] != none; i = (i + 1) & mask) {
    auto wish = home(key(slots_[i])) & mask;
    if (((i - wish) & mask) >= ((i - hole) & mask)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = none;
}

void registry_index::append(std::string_view key, const indexed_entry& entry) {
  auto row = uint32_t(rows());
  if (row % 64 == 0)
    alive_.push_back(0);
  alive_[row / 64] |= uint64_t{1} << (row % 64);
  names_.append(entry.name);
  tags_.append(entry.tags);
  keys_.append(key);
  key_ends_.push_back(keys_.size());
  owner_slot_.push_back(key.empty() ? uint8_t{0} : uint8_t(key.front()));
  category_.push_back(categories_.add(entry.category));
  publisher_.push_back(publishers_.add(entry.publisher));
  created_at_.push_back(entry.created_at);
  completions_.push_back(entry.completions);
  live_.push_back(or_nobody(entry.live));
  note_bounds(row);
  grow_slots();
  slots_[slot_of(key)] = row;
  ++live_rows_;
}

void registry_index::bury(uint32_t row) {
  unmap(slot_of(key(row)));
  alive_[row / 64] &= ~(uint64_t{1} << (row % 64));
  live_[row] = &nobody; // The entry's may be gone soon.
  categories_.release(category_[row]);
  publishers_.release(publisher_[row]);
  --live_rows_;
}

void registry_index::upsert(std::string_view key, const indexed_entry& entry) {
  auto row = find(key);
  if (row != none && names_.equals(row, entry.name) && tags_.equals(row, entry.tags)) {
    auto category = categories_.add(entry.category);
    auto publisher = publishers_.add(entry.publisher);
    categories_.release(std::exchange(category_[row], category));
    publishers_.release(std::exchange(publisher_[row], publisher));
    created_at_[row] = entry.created_at;
    completions_[row] = entry.completions;
    live_[row] = or_nobody(entry.live);
    note_bounds(row);
    return;
  }
  if (row != none)
    bury(row);
  append(key, entry);
  compact();
}

bool registry_index::erase(std::string_view key) {
  auto row = find(key);
  if (row == none)
    return false;
  bury(row);
  compact();
  return true;
}

void registry_index::set_completions(std::string_view key, uint64_t completions) {
  auto row = find(key);
  if (row == none)
    return;
  completions_[row] = completions;
  note_bounds(row);
}

void registry_index::note_bounds(uint32_t row) {
  newest_.resize(alive_.size());
  most_completed_.resize(alive_.size());
  newest_[row / 64] = std::max(newest_[row / 64], created_at_[row]);
  most_completed_[row / 64] = std::max(most_completed_[row / 64], completions_[row]);
}

/// Rewrites everything without the dead rows once they are a quarter of all.
void registry_index::compact() {
  auto dead = rows() - live_rows_;
  if (dead < 1024 || dead * 4 < rows())
    return;
  registry_index fresh;
  for (uint32_t row = 0; row < rows(); ++row) {
    if (!alive(row))
      continue;
    fresh.append(key(row), {names_.row(row), categories_.text(category_[row]),
                            publishers_.text(publisher_[row]), tags_.row(row), created_at_[row],
                            completions_[row], live_[row]});
  }
  *this = std::move(fresh);
}

size_t registry_index::memory_bytes() const {
  return sizeof(*this) + names_.memory_bytes() + tags_.memory_bytes() + keys_.capacity()
         + owner_slot_.capacity() + key_ends_.capacity() * 8
         + (category_.capacity() + publisher_.capacity()) * 4
         + (created_at_.capacity() + completions_.capacity() + live_.capacity()) * 8
         + (alive_.capacity() + newest_.capacity() + most_completed_.capacity()) * 8
         + slots_.capacity() * 4 + categories_.memory_bytes() + publishers_.memory_bytes();
}

} // namespace shoal
