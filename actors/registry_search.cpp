// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_index.hpp"

#include <algorithm>
#include <bit>
#include <queue>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace shoal {

namespace {

#if defined(__SSE2__)

/// @returns which of 64 numbers are `value`.
uint64_t equal_64(const uint32_t* numbers, uint32_t value) {
  auto wanted = _mm_set1_epi32(int(value));
  auto equal = [&](size_t i) {
    return _mm_cmpeq_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + i)), wanted);
  };
  uint64_t result = 0;
  for (size_t i = 0; i < 64; i += 16) {
    auto low = _mm_packs_epi32(equal(i), equal(i + 4));
    auto high = _mm_packs_epi32(equal(i + 8), equal(i + 12));
    result |= uint64_t(uint32_t(_mm_movemask_epi8(_mm_packs_epi16(low, high)))) << i;
  }
  return result;
}

#else

uint64_t equal_64(const uint32_t* numbers, uint32_t value) {
  uint64_t result = 0;
  for (size_t i = 0; i < 64; ++i)
    result |= uint64_t{numbers[i] == value} << i;
  return result;
}

#endif

} // namespace

void registry_index::keep_equal(const std::vector<uint32_t>& column, uint32_t value,
                                row_bits& found) const {
  for (size_t word = 0; word < found.size(); ++word) {
    if (found[word] == 0)
      continue;
    auto first = column.data() + word * 64;
    auto count = std::min<size_t>(64, column.size() - word * 64);
    if (count == 64) {
      found[word] &= equal_64(first, value);
      continue;
    }
    uint64_t equal = 0;
    for (size_t i = 0; i < count; ++i)
      equal |= uint64_t{first[i] == value} << i;
    found[word] &= equal;
  }
}

void registry_index::keep_slots(const slot_filter& slots, row_bits& found) const {
  std::array<uint8_t, slot_count> wanted;
  for (size_t slot = 0; slot < slot_count; ++slot)
    wanted[slot] = slots.has(slot);
  for (size_t word = 0; word < found.size(); ++word) {
    if (found[word] == 0)
      continue;
    auto first = owner_slot_.data() + word * 64;
    auto count = std::min<size_t>(64, owner_slot_.size() - word * 64);
    uint64_t kept = 0;
    for (size_t i = 0; i < count; ++i)
      kept |= uint64_t{wanted[first[i]]} << i;
    found[word] &= kept;
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
  // Last, as the columns keep answers that do not depend on it.
  if (!query.slots.full())
    keep_slots(query.slots, found);
  return true;
}

template <search_sort Sort>
uint64_t registry_index::sort_value(size_t row) const {
  if constexpr (Sort == search_sort::created_at)
    return uint64_t(std::max<unix_seconds>(created_at_[row], 0));
  else if constexpr (Sort == search_sort::completions)
    return completions_[row];
  else
    return live_[row]->load(std::memory_order_relaxed) >> 32;
}

/// @returns an upper bound for these 64 rows.
template <search_sort Sort>
uint64_t registry_index::most(size_t word) const {
  if constexpr (Sort == search_sort::created_at) {
    return uint64_t(std::max<unix_seconds>(newest_[word], 0));
  } else if constexpr (Sort == search_sort::completions) {
    return most_completed_[word];
  } else {
    // Without a branch the processor reads many counts at once, wherever they are.
    uint64_t result = 0;
    auto last = std::min(word * 64 + 64, rows());
    for (auto row = word * 64; row < last; ++row)
      result = std::max(result, sort_value<Sort>(row));
    return result;
  }
}

/// @returns false if none of these 64 rows comes before `worst`.
template <search_sort Sort>
bool registry_index::may_beat(size_t word, const ranked& worst) const {
  auto value = most<Sort>(word);
  return value > worst.value || (value == worst.value && newest_[word] >= worst.created_at);
}

bool registry_index::before(const ranked& a, const ranked& b) const {
  if (a.value != b.value)
    return a.value > b.value;
  if (a.created_at != b.created_at)
    return a.created_at > b.created_at;
  return key(a.row) < key(b.row);
}

/// Collects up to twice as many as are wanted, then throws the worse half away: linear whatever
/// the order of the rows. The newest rows come first because they win ties.
/// @returns the first `count` rows in order.
template <search_sort Sort>
std::vector<registry_index::ranked> registry_index::best(const row_bits& found,
                                                         size_t count) const {
  constexpr int bound_min = 12;
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
    // The bound of the live counts is not at hand: it pays if there are some rows to pass over.
    auto bound_is_cheap = Sort != search_sort::seeders || std::popcount(found[word]) >= bound_min;
    if (full && bound_is_cheap && !may_beat<Sort>(word, worst))
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
  struct queue {
    search_result* part;
    size_t next;
    search_hit& front() const { return part->hits[next]; }
  };
  auto later = [](const queue& x, const queue& y) {
    auto &a = x.front(), &b = y.front();
    if (a.sort_value != b.sort_value)
      return a.sort_value < b.sort_value;
    return a.created_at != b.created_at ? a.created_at < b.created_at : a.key > b.key;
  };
  search_result all;
  std::priority_queue<queue, std::vector<queue>, decltype(later)> queues(later);
  for (auto& part : parts) {
    all.total += part.total;
    if (!part.hits.empty())
      queues.push({&part, 0});
  }
  for (uint64_t i = 0; i < offset + limit && !queues.empty(); ++i) {
    auto first = queues.top();
    queues.pop();
    if (i >= offset)
      all.hits.push_back(std::move(first.front()));
    if (++first.next < first.part->hits.size())
      queues.push(first);
  }
  return all;
}

} // namespace shoal
