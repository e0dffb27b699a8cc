// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/info_hash_map.hpp"
#include "actors/swarm_actor.hpp"
#include "cluster/slots.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

namespace shoal {

/// Seeders and leechers of a registry entry, written by its primary swarm whenever they change and
/// read by searches: one number so that both halves are always of the same moment.
class entry_counts {
public:
  void set(uint32_t seeders, uint32_t leechers) {
    packed_.store(uint64_t{seeders} << 32 | leechers, std::memory_order_relaxed);
  }
  uint32_t seeders() const { return static_cast<uint32_t>(packed() >> 32); }
  uint32_t leechers() const { return static_cast<uint32_t>(packed()); }
  const std::atomic<uint64_t>& cell() const { return packed_; }

private:
  uint64_t packed() const { return packed_.load(std::memory_order_relaxed); }

  std::atomic<uint64_t> packed_{0};
};

/// What a swarm must know of the registry entry that its info-hash belongs to.
struct registration {
  info_hash primary;        ///< The swarm that counts for the entry.
  uint8_t source = 0;       ///< 0 if this is the primary, else 1 (v1) or 2 (v1-only twin).
  bool paired = false;      ///< The entry has more than one info-hash.
  uint64_t completions = 0; ///< As of when the entry was read.
  std::shared_ptr<entry_counts> counts; ///< The entry's.
};

/// What an edge must know to let an announce pass.
struct admission {
  swarm_actor swarm; ///< Invalid if nobody has announced it.
  bool registered = false;
  bool blocked = false;
};

/// The node's info-hashes: which have a swarm, which are registered, which are blocked. Edges read
/// it on every announce; shards and registry shards write it. Each slot has a lock of its own, so
/// readers of different swarms do not meet.
class swarm_directory {
public:
  swarm_directory();

  admission lookup(const info_hash& hash) const;

  std::shared_ptr<const registration> registration_of(const info_hash& hash) const;

  void put_swarm(const info_hash& hash, swarm_actor swarm);

  /// Forgets the swarm if it is still `expected`.
  /// @returns whether it was.
  bool drop_swarm(const info_hash& hash, caf::actor_id expected);

  void put_registration(const info_hash& hash, std::shared_ptr<const registration> entry);
  void drop_registration(const info_hash& hash);

  void set_blocked(const info_hash& hash, bool blocked);

  std::vector<info_hash> blocked_hashes() const;

  /// @returns the hashes whose registration is `wanted`.
  std::vector<info_hash>
  registered_hashes(const std::function<bool(const info_hash&, const registration&)>& wanted) const;

  /// @returns the swarms of one slot, for sweeps and snapshots.
  std::vector<swarm_actor> swarms_in(size_t slot) const;

  /// @returns hashes of the slot's swarms at `from` and beyond, ascending, at most so many.
  std::vector<info_hash> hashes_in(size_t slot, const info_hash& from, size_t max) const;

  /// A swarm's number of peers changed by `change`.
  void count_peers(int64_t change) { peers_.fetch_add(change, std::memory_order_relaxed); }

  /// @returns the peers of all swarms; a peer in several swarms counts in each.
  int64_t peer_count() const { return peers_.load(std::memory_order_relaxed); }

  size_t swarm_count() const { return swarms_.load(std::memory_order_relaxed); }
  size_t registered_count() const { return registered_.load(std::memory_order_relaxed); }
  size_t blocked_count() const { return blocked_.load(std::memory_order_relaxed); }

private:
  struct item {
    info_hash key;
    bool used = false;
    bool registered = false; // There is a registration.
    bool blocked = false;
    swarm_actor swarm;

    bool empty() const { return !swarm && !registered && !blocked; }
  };
  struct alignas(64) slot {
    explicit slot(const hash_key& secret) : items{secret} {}

    mutable std::shared_mutex mutex;
    info_hash_map<item> items;
    std::unordered_map<info_hash, std::shared_ptr<const registration>> registrations;
  };

  slot& slot_for(const info_hash& hash) { return *slots_[slot_of(hash)]; }
  const slot& slot_for(const info_hash& hash) const { return *slots_[slot_of(hash)]; }

  /// Runs `change` on the item of `hash` and the slot under the slot's lock, and drops the item if
  /// it is empty then.
  template <class Change>
  void edit(const info_hash& hash, Change change);

  std::array<std::unique_ptr<slot>, slot_count> slots_;
  std::atomic<int64_t> peers_{0};
  std::atomic<size_t> swarms_{0};
  std::atomic<size_t> registered_{0};
  std::atomic<size_t> blocked_{0};
};

} // namespace shoal
