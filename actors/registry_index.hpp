// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "actors/slot_filter.hpp"
#include "actors/text_column.hpp"
#include "core/clock.hpp"
#include "core/limits.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shoal {

/// Live counts of an entry in one word: seeders in the upper, leechers in the lower 32 bits.
using live_counts = std::atomic<uint64_t>;

/// What can be searched of a registry entry.
struct indexed_entry {
  std::string_view name;
  std::string_view category;
  std::string_view publisher;
  std::string_view tags; ///< Comma-separated, as stored.
  unix_seconds created_at = 0;
  uint64_t completions = 0;
  const live_counts* live = nullptr; ///< Outlives the entry; null counts as zero.
};

enum class search_sort : uint8_t { created_at, completions, seeders };

/// Empty strings do not restrict. Matching ignores the case of ASCII letters where it is a
/// substring match, and is exact otherwise; `%` and `_` are plain characters.
struct search_query {
  std::string q;                              ///< Substring of the name.
  std::string category;                       ///< Exact.
  std::string publisher;                      ///< Exact.
  std::string tags;                           ///< Substring of the comma-separated tags.
  search_sort sort = search_sort::created_at; ///< Always descending; ties: newest, then least key.
  uint32_t limit = limits::search_limit_default;
  uint64_t offset = 0;
  slot_filter slots = slot_filter::all(); ///< Entries of other slots are not looked at.
};

struct search_hit {
  std::string key;
  uint64_t sort_value = 0; ///< Of the query's `sort`, as it was when the search ran.
  unix_seconds created_at = 0;

  bool operator==(const search_hit&) const = default;
};

struct search_result {
  uint64_t total = 0; ///< All matches, whatever limit and offset: `X-Total-Count`.
  std::vector<search_hit> hits;
};

/// Merges what several indexes answered to one query. Each must have been asked with offset 0 and a
/// limit of at least `offset + limit`.
search_result merge(std::vector<search_result> parts, uint64_t offset, uint32_t limit);

/// The search index over registry entries, in columns: built for a million of them. Owned by one
/// actor; not thread-safe except for the live counts (searching keeps answers for the next one).
/// Rows are only appended; an entry whose text changes gets a new row, and dead rows are compacted
/// away when they are a quarter of all.
class registry_index {
public:
  registry_index();

  /// Adds or replaces the entry named by `key` (info-hash bytes). Only a changed name or tags cost
  /// more than a lookup.
  void upsert(std::string_view key, const indexed_entry& entry);

  /// @returns whether there was such an entry.
  bool erase(std::string_view key);

  bool contains(std::string_view key) const;

  void set_completions(std::string_view key, uint64_t completions);

  size_t size() const { return live_rows_; }

  search_result search(const search_query& query) const;

  size_t memory_bytes() const;

private:
  static constexpr uint32_t none = UINT32_MAX;

  /// Strings that many rows share, by number.
  class dictionary {
  public:
    uint32_t add(std::string_view text);
    uint32_t find(std::string_view text) const; ///< `none` if no row has it.
    void release(uint32_t number);
    std::string_view text(uint32_t number) const { return *words_[number].text; }
    size_t memory_bytes() const;

  private:
    struct hash {
      using is_transparent = void;
      size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    };
    struct word {
      const std::string* text = nullptr; // The key of `numbers_`.
      uint32_t uses = 0;
    };
    std::vector<word> words_;
    std::vector<uint32_t> free_;
    std::unordered_map<std::string, uint32_t, hash, std::equal_to<>> numbers_;
  };

  struct ranked {
    uint64_t value;
    unix_seconds created_at;
    uint32_t row;
  };

  size_t rows() const { return key_ends_.size(); }
  bool alive(size_t row) const { return alive_[row / 64] >> (row % 64) & 1; }
  std::string_view key(uint32_t row) const;
  uint64_t home(std::string_view key) const;
  size_t slot_of(std::string_view key) const;
  uint32_t find(std::string_view key) const;
  void grow_slots();
  void append(std::string_view key, const indexed_entry& entry);
  void bury(uint32_t row);
  void unmap(size_t slot);
  void compact();
  bool matches(const search_query& query, row_bits& found) const;
  void keep_slots(const slot_filter& slots, row_bits& found) const;
  void keep_equal(const std::vector<uint32_t>& column, uint32_t value, row_bits& found) const;
  template <search_sort Sort>
  uint64_t sort_value(size_t row) const;
  template <search_sort Sort>
  uint64_t most(size_t word) const;
  template <search_sort Sort>
  bool may_beat(size_t word, const ranked& worst) const;
  bool before(const ranked& a, const ranked& b) const;
  void note_bounds(uint32_t row);
  template <search_sort Sort>
  std::vector<ranked> best(const row_bits& found, size_t count) const;

  // Hubs use some thousand pairs in names, but few hundred make up nearly all; tags are poorer.
  text_column names_{384};
  text_column tags_{128};
  std::string keys_;                // Arena.
  std::vector<uint64_t> key_ends_;  // Per row, in `keys_`.
  std::vector<uint8_t> owner_slot_; // Per row, of the key space.
  std::vector<uint32_t> category_;  // Per row.
  std::vector<uint32_t> publisher_; // Per row.
  std::vector<unix_seconds> created_at_;
  std::vector<uint64_t> completions_;
  std::vector<const live_counts*> live_; // Never null.
  std::vector<unix_seconds> newest_;     // Upper bound for each 64 rows: most are passed over.
  std::vector<uint64_t> most_completed_; // Likewise.
  row_bits alive_;
  dictionary categories_;
  dictionary publishers_;
  std::vector<uint32_t> slots_; // Open addressing from key to row; a power of two of them.
  hash_key secret_;             // Keys are claimed by outsiders.
  size_t live_rows_ = 0;
};

} // namespace shoal
