// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

namespace shoal {

/// Says which cached objects go when room is needed: S3-FIFO, measured in bytes. New objects wait
/// in a small queue; those asked for again there move to the main one, the others leave and are
/// remembered as ghosts for as long as the main queue would have held them; a ghost that comes back
/// goes to the main queue at once. So downloads that are never repeated flush the small queue only.
/// What differs from the paper, and why: docs/adr/0023. The most visible: there are two such pairs
/// of queues, one for tiny objects, which go only when all of them have more than a twentieth.
///
/// Who holds an object (a reader, or a pull that has not ended) keeps it from going, without a
/// change of its place: it is set aside when its turn comes, and is the next one when it is
/// released.
///
/// Pure: no I/O, no clock. One thread at a time. All operations take constant time but `make_room`,
/// whose cost is shared by the entries that it takes out or gives another round.
/// @source Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.
class cache_policy {
public:
  static constexpr uint64_t hits_max = 3;

  /// What is smaller counts as this much: it takes a block of the disk, and memory.
  static constexpr uint64_t charge_bytes_min = 4096;

  /// What is known of an object beside its size: kept over a restart.
  struct standing {
    uint64_t hits = 0;    ///< 0..hits_max, since it came into its queue.
    bool settled = false; ///< In the main queue.

    bool operator==(const standing&) const = default;
  };

  /// @param bound_bytes what all objects together may have; it is never passed.
  /// @param settling_hits requests, after the first one, that make an object worth the main queue.
  explicit cache_policy(uint64_t bound_bytes, uint64_t settling_hits = 1);

  /// Says what must go before `add` of so many bytes, and forgets it. Objects in use stay.
  /// @returns nothing, and changes nothing, if that many bytes cannot be had.
  std::optional<std::vector<sha256_digest>> make_room(uint64_t bytes);

  /// There is no object of that name, and there should be room.
  void add(const sha256_digest& object, uint64_t bytes);

  /// As `add`, for what was here before a restart. The oldest first.
  void restore(const sha256_digest& object, uint64_t bytes, const standing& known);

  /// Somebody asked for it. An unknown object is fine.
  void touch(const sha256_digest& object);

  /// While it is held as often as not released, it does not go. An unknown object is fine.
  void hold(const sha256_digest& object);
  void release(const sha256_digest& object);

  /// It is gone, or pinned now. An unknown object is fine.
  void remove(const sha256_digest& object);

  /// @returns what must go under the new bound, all of it but what is in use.
  std::vector<sha256_digest> set_bound(uint64_t bound_bytes);

  bool contains(const sha256_digest& object) const { return entries_.contains(object); }
  std::optional<standing> standing_of(const sha256_digest& object) const;
  uint64_t bound() const { return bound_bytes_; }
  uint64_t bytes() const { return big_.bytes() + tiny_.bytes(); }
  uint64_t held_bytes() const { return big_.held_bytes() + tiny_.held_bytes(); }
  size_t count() const { return entries_.size(); }
  size_t ghosts() const { return ghosts_.size(); }

private:
  struct entry {
    sha256_digest object;
    uint64_t bytes = 0;
    standing known;
    uint32_t holds = 0;
    bool tiny = false;
    bool aside = false; ///< In `queue::in_use`.
  };
  using order = std::list<entry>; ///< The oldest last.

  struct queue {
    order waiting;
    order in_use; ///< Were the oldest while held; they go back to that end.
    uint64_t bytes = 0;
    uint64_t held_bytes = 0;
  };

  struct ghost {
    sha256_digest object;
    uint64_t bytes;
    bool tiny;
  };

  /// Objects of one class of sizes.
  struct lane {
    queue small;
    queue main;
    std::list<ghost> ghosts; ///< The oldest last.
    uint64_t ghost_bytes = 0;

    uint64_t bytes() const { return small.bytes + main.bytes; }
    uint64_t held_bytes() const { return small.held_bytes + main.held_bytes; }
  };

  lane& lane_of(bool tiny) { return tiny ? tiny_ : big_; }
  queue& queue_of(const entry& e) {
    return e.known.settled ? lane_of(e.tiny).main : lane_of(e.tiny).small;
  }
  uint64_t share_of(const lane& l) const { return &l == &tiny_ ? tiny_share() : bound_bytes_; }
  uint64_t tiny_share() const { return bound_bytes_ / 20; }
  bool is_tiny(uint64_t bytes) const { return bytes <= tiny_share() / 1000; }
  void insert(entry e);
  bool evict_one(std::vector<sha256_digest>& out);
  bool evict_from(lane& l, std::vector<sha256_digest>& out);
  bool evict_small(lane& l, std::vector<sha256_digest>& out);
  bool evict_main(lane& l, std::vector<sha256_digest>& out);
  void forget(order::iterator it);
  static bool set_aside(queue& from);
  void remember(const entry& e);
  void trim_ghosts(lane& l);

  uint64_t bound_bytes_;
  uint64_t settling_hits_;
  lane big_;
  lane tiny_;
  std::unordered_map<sha256_digest, order::iterator> entries_;
  std::unordered_map<sha256_digest, std::list<ghost>::iterator> ghosts_;
};

} // namespace shoal
