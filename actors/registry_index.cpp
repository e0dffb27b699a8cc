// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_index.hpp"

#include <algorithm>
#include <bit>
#include <random>
#include <utility>

namespace shoal {

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
  category_.push_back(categories_.add(entry.category));
  publisher_.push_back(publishers_.add(entry.publisher));
  created_at_.push_back(entry.created_at);
  completions_.push_back(entry.completions);
  live_.push_back(entry.live);
  note_bounds(row);
  grow_slots();
  slots_[slot_of(key)] = row;
  ++live_rows_;
}

void registry_index::bury(uint32_t row) {
  unmap(slot_of(key(row)));
  alive_[row / 64] &= ~(uint64_t{1} << (row % 64));
  live_[row] = nullptr;
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
    live_[row] = entry.live;
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
         + key_ends_.capacity() * 8 + (category_.capacity() + publisher_.capacity()) * 4
         + (created_at_.capacity() + completions_.capacity() + live_.capacity()) * 8
         + alive_.capacity() * 8 + slots_.capacity() * 4 + categories_.memory_bytes()
         + publishers_.memory_bytes();
}

// -- search ---------------------------------------------------------------------

void registry_index::keep_equal(const std::vector<uint32_t>& column, uint32_t value,
                                row_bits& found) const {
  for (size_t word = 0; word < found.size(); ++word) {
    if (found[word] == 0)
      continue;
    auto first = column.data() + word * 64;
    auto count = std::min<size_t>(64, column.size() - word * 64);
    uint64_t equal = 0;
    for (size_t i = 0; i < count; ++i)
      equal |= uint64_t{first[i] == value} << i;
    found[word] &= equal;
  }
}

/// @returns false if nothing can match.
bool registry_index::matches(const search_query& query, row_bits& found) const {
  found = alive_;
  if (!query.category.empty()) {
    auto number = categories_.find(query.category);
    if (number == none)
      return false;
    keep_equal(category_, number, found);
  }
  if (!query.publisher.empty()) {
    auto number = publishers_.find(query.publisher);
    if (number == none)
      return false;
    keep_equal(publisher_, number, found);
  }
  auto unrestricted = query.category.empty() && query.publisher.empty();
  names_.keep_matches(query.q, found, unrestricted);
  tags_.keep_matches(query.tags, found, unrestricted && query.q.empty());
  return true;
}

template <search_sort Sort>
uint64_t registry_index::sort_value(size_t row) const {
  if constexpr (Sort == search_sort::created_at)
    return uint64_t(std::max<unix_seconds>(created_at_[row], 0));
  else if constexpr (Sort == search_sort::completions)
    return completions_[row];
  else
    return live_[row] ? live_[row]->load(std::memory_order_relaxed) >> 32 : 0;
}

/// @returns false if none of these 64 rows has so large a value.
template <search_sort Sort>
bool registry_index::may_beat(size_t word, uint64_t value) const {
  if constexpr (Sort == search_sort::created_at)
    return uint64_t(std::max<unix_seconds>(newest_[word], 0)) >= value;
  else if constexpr (Sort == search_sort::completions)
    return most_completed_[word] >= value;
  else
    return true;
}

bool registry_index::before(const ranked& a, const ranked& b) const {
  if (a.value != b.value)
    return a.value > b.value;
  if (a.created_at != b.created_at)
    return a.created_at > b.created_at;
  return key(a.row) < key(b.row);
}

/// The counts lie anywhere in memory: asks for those of the rows that are due some words later, and
/// before that for the pointers to them.
void registry_index::prefetch_live(const row_bits& found, size_t word) const {
  constexpr size_t pointers_ahead = 12;
  constexpr size_t counts_ahead = 4;
  if (word >= pointers_ahead && found[word - pointers_ahead] != 0)
    for (size_t i = 0; i < 64; i += 8)
      __builtin_prefetch(&live_[(word - pointers_ahead) * 64 + i]);
  if (word < counts_ahead)
    return;
  auto first = (word - counts_ahead) * 64;
  for (auto rest = found[word - counts_ahead]; rest != 0; rest &= rest - 1)
    __builtin_prefetch(live_[first + size_t(std::countr_zero(rest))]);
}

/// Collects up to twice as many as are wanted, then throws the worse half away: linear whatever
/// the order of the rows. The newest rows come first because they win ties.
/// @returns the first `count` rows in order.
template <search_sort Sort>
std::vector<registry_index::ranked> registry_index::best(const row_bits& found,
                                                         size_t count) const {
  std::vector<ranked> kept;
  auto room = count * 2 + 64;
  auto better = [this](const ranked& a, const ranked& b) { return before(a, b); };
  auto shrink = [&] {
    std::nth_element(kept.begin(), kept.begin() + ptrdiff_t(count - 1), kept.end(), better);
    kept.resize(count);
  };
  auto full = false;
  ranked worst{}; // Of the best so far, once there are enough of them.
  for (auto word = found.size(); word-- > 0;) {
    if (Sort == search_sort::seeders)
      prefetch_live(found, word);
    if (full && !may_beat<Sort>(word, worst.value))
      continue;
    for (auto rest = found[word]; rest != 0;) {
      auto bit = size_t(63 - std::countl_zero(rest));
      rest ^= uint64_t{1} << bit;
      auto row = word * 64 + bit;
      auto value = sort_value<Sort>(row);
      if (full && value < worst.value)
        continue;
      ranked candidate{value, created_at_[row], uint32_t(row)};
      if (full && !before(candidate, worst))
        continue;
      kept.push_back(candidate);
      if (kept.size() == room) {
        shrink();
        worst = kept.back();
        full = true;
      }
    }
  }
  if (kept.size() > count)
    shrink();
  std::sort(kept.begin(), kept.end(), better);
  return kept;
}

search_result registry_index::search(const search_query& query) const {
  search_result result;
  row_bits found;
  if (!matches(query, found))
    return result;
  for (auto word : found)
    result.total += uint64_t(std::popcount(word));
  if (query.limit == 0 || query.offset >= result.total)
    return result;
  auto count = size_t(std::min<uint64_t>(query.limit, result.total - query.offset) + query.offset);
  auto rows = query.sort == search_sort::created_at ? best<search_sort::created_at>(found, count)
              : query.sort == search_sort::completions
                  ? best<search_sort::completions>(found, count)
                  : best<search_sort::seeders>(found, count);
  result.hits.reserve(count - size_t(query.offset));
  for (auto i = size_t(query.offset); i < rows.size(); ++i)
    result.hits.push_back({std::string(key(rows[i].row)), rows[i].value, rows[i].created_at});
  return result;
}

search_result merge(std::vector<search_result> parts, uint64_t offset, uint32_t limit) {
  search_result all;
  for (auto& part : parts) {
    all.total += part.total;
    all.hits.insert(all.hits.end(), std::move_iterator(part.hits.begin()),
                    std::move_iterator(part.hits.end()));
  }
  auto begin = std::min<uint64_t>(offset, all.hits.size());
  auto end = begin + std::min<uint64_t>(limit, all.hits.size() - begin);
  std::partial_sort(all.hits.begin(), all.hits.begin() + ptrdiff_t(end), all.hits.end(),
                    [](const search_hit& a, const search_hit& b) {
                      if (a.sort_value != b.sort_value)
                        return a.sort_value > b.sort_value;
                      return a.created_at != b.created_at ? a.created_at > b.created_at
                                                          : a.key < b.key;
                    });
  all.hits.resize(size_t(end));
  all.hits.erase(all.hits.begin(), all.hits.begin() + ptrdiff_t(begin));
  return all;
}

} // namespace shoal
