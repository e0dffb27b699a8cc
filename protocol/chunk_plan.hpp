// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "protocol/byte_range.hpp"

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace shoal {

struct chunk_plan_config {
  uint64_t size_bytes = 0;
  uint32_t chunk_bytes = 4 * 1024 * 1024;
  uint32_t requests_max = 4;           ///< Under way at once, over all sources.
  uint32_t chunks_per_request_max = 4; ///< Neighbours that are asked for together.
  uint32_t ahead_chunks = 8;           ///< How far a reader is served before it has to wait.
  bool fills = true;                   ///< Whether the whole file is wanted, without readers too.
  uint32_t attempts_max = 5;           ///< Of one chunk, by all sources; then it is given up.
  uint32_t source_attempts_max = 10;   ///< Of a source in a row that give nothing; the same.
  std::chrono::milliseconds retry_min{500}; ///< Before a source is asked again for what it failed
  std::chrono::milliseconds retry_max{30'000}; ///< in giving; doubled each time.
};

/// Decides which chunks of a file to pull next, and from whom: first those that readers wait for,
/// who has waited longest first; then those that they will want next; then the others in order.
/// Chunks that readers share are asked for once, neighbours in one request; what failed is asked
/// for elsewhere. A source that gives nothing at all is asked for no other chunk either until it
/// has rested, however many there are.
///
/// Pure: no I/O, and time is passed in. One thread at a time.
class chunk_plan {
public:
  using reader_id = uint64_t;
  using source_id = uint32_t; ///< Whatever the caller calls its origins and nodes.

  struct request {
    uint64_t number = 0;
    source_id source = 0;
    uint32_t first = 0;
    uint32_t count = 0;
    byte_range bytes;

    bool operator==(const request&) const = default;
  };

  /// @param config at least one byte per chunk, one request and one chunk per request.
  explicit chunk_plan(const chunk_plan_config& config);

  /// Somebody reads these bytes in order. An empty range waits for nothing. The range is cut at the
  /// end of the file.
  reader_id add_reader(uint64_t offset, uint64_t length, mono_time now);
  void remove_reader(reader_id reader);

  /// @returns what to ask of a source now, and counts it as under way; nothing if nothing is wanted
  /// of it, or enough is under way. Without `fills` and readers nothing is wanted.
  std::optional<request> next(source_id source, mono_time now);

  /// A chunk is here, whole and right: by whatever way.
  void arrived(uint32_t chunk, mono_time now);

  /// A request is over. Those of its chunks that are not here count as failed by its source.
  /// @param is_wrong the first of them came, and was not what it should be.
  void ended(uint64_t number, mono_time now, bool is_wrong = false);

  /// @returns whom a request that is under way was made to.
  std::optional<source_id> source_of(uint64_t number) const;

  /// A chunk that was here is not any more.
  void lost(uint32_t chunk);

  /// Whether a source is not asked any more: it has failed so often, and given nothing since.
  bool is_barren(source_id source) const;

  /// Chunks and sources that were given up get another round of attempts.
  void forgive();

  bool is_here(uint32_t chunk) const { return states_[chunk] == state::here; }
  bool is_whole() const { return here_ == states_.size(); }
  uint32_t chunk_count() const { return static_cast<uint32_t>(states_.size()); }
  size_t under_way() const { return requests_.size(); }
  size_t readers() const { return readers_.size(); }

  /// Whether a reader waits for a chunk that was given up: it cannot go on.
  bool is_stuck(reader_id reader) const;
  std::vector<uint32_t> given_up() const;

  /// Whether nothing is left but what was given up.
  bool is_hopeless() const;

  /// @returns when `next` may have something again for a source that failed, if it has nothing now.
  std::optional<mono_time> retry_at(mono_time now) const;

private:
  enum class state : uint8_t { missing, asked, here };

  struct range {
    uint32_t first = 0;
    uint32_t last = 0;
    bool empty = true;
  };

  /// Readers that wait for the same chunk.
  struct group {
    mono_time since;                                  ///< Of the one who has waited longest.
    std::set<std::pair<uint32_t, reader_id>> members; ///< With the last chunk that each wants.
  };

  struct failure {
    uint32_t attempts = 0;
    bool is_at_fault = false;             ///< It came and was wrong, or has been forgiven before.
    std::map<source_id, mono_time> until; ///< When each may be asked again.
  };

  /// What a source has failed in since it gave its last chunk.
  struct rest {
    uint32_t failures = 0; ///< Those of requests that were under way together are one.
    uint64_t counted = 0;  ///< Requests up to this one have been.
    mono_time until;
  };

  std::chrono::milliseconds pause_after(uint32_t failures) const;
  void note_gift(source_id source);
  failure& note_failure(uint32_t chunk, source_id source, mono_time now);
  bool is_ready(source_id source, mono_time now) const;
  std::optional<uint32_t> missing_from(uint32_t first, uint32_t last) const;
  void wait(group&& with, uint32_t chunk);
  void erase_group(uint32_t chunk);
  bool is_free(uint32_t chunk, source_id source, mono_time now) const;
  std::optional<uint32_t> choose(source_id source, mono_time now, uint32_t& limit) const;
  bool is_given_up(const failure& failed) const;

  chunk_plan_config config_;
  std::vector<state> states_;
  size_t here_ = 0;
  uint32_t first_missing_ = 0; ///< All before it are here or asked for.
  uint64_t next_number_ = 1;
  reader_id next_reader_ = 1;
  std::unordered_map<reader_id, range> readers_;
  std::map<uint32_t, group> waiting_;              ///< By the chunk that they wait for.
  std::set<std::pair<mono_time, uint32_t>> order_; ///< The groups, who has waited longest first.
  std::map<uint64_t, request> requests_;
  std::map<uint32_t, failure> failures_;
  std::map<source_id, rest> rests_;
};

} // namespace shoal
