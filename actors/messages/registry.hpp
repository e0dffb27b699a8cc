// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/optional.hpp"
#include "actors/registry_index.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"

#include <string>
#include <vector>

namespace shoal {

/// The info-hashes of one torrent. A hybrid has `v1` and `v2`; `twin` is the v1-only torrent that a
/// publish makes of the same files for clients that cannot read hybrids.
struct torrent_hashes {
  std::optional<sha256_digest> v2;
  std::optional<info_hash> v1;
  std::optional<info_hash> twin;

  /// @returns the entry's key: the v2 hash if there is one, else the v1 hash; raw bytes.
  std::string primary_key() const;

  /// @returns the 20 bytes under which the entry's primary swarm announces.
  info_hash primary_swarm() const;

  /// @returns the 20-byte hashes of all its swarms with their source numbers (see `registration`);
  /// the primary swarm's first.
  std::vector<std::pair<info_hash, uint8_t>> swarms() const;

  bool operator==(const torrent_hashes&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, torrent_hashes& x) {
  return f(x.v2, x.v1, x.twin);
}

/// A registry entry on its way through the actors.
struct registry_entry {
  torrent_hashes hashes;
  std::string name;
  std::string description;
  std::string publisher;
  std::string license;
  std::string category;
  std::string tags; ///< Comma-separated.
  uint64_t size_bytes = 0;
  bool verified = false;
  uint64_t completions = 0;
  unix_seconds created_at = 0;
  unix_seconds updated_at = 0;
  std::optional<sha256_digest> torrent_object;      ///< The .torrent of `v1` and `v2`.
  std::optional<sha256_digest> twin_torrent_object; ///< The .torrent of `twin`.
  std::string model_ref;   ///< "ns/name@rev" if it was published as a revision.
  bool is_private = false; ///< BEP 27: leaves through no other door than this tracker.
  uint32_t seeders = 0;    ///< Live; ignored on writes.
  uint32_t leechers = 0;   ///< Live; ignored on writes.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, registry_entry& x) {
  return f(x.hashes, x.name, x.description, x.publisher, x.license, x.category, x.tags,
           x.size_bytes, x.verified, x.completions, x.created_at, x.updated_at, x.torrent_object,
           x.twin_torrent_object, x.model_ref, x.is_private, x.seeders, x.leechers);
}

/// Asks for one entry by any of its hashes: 20 or 32 raw bytes. Answer: registry_entry, or
/// ec::not_found.
struct lookup_entry {
  std::string hash;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup_entry& x) {
  return f(x.hash);
}

/// The same, by a hash that this node's copy does not have though other nodes' may. Answer:
/// registry_entry. Errors: ec::not_found: its owner does not have it either; ec::unavailable:
/// nobody answers who would know.
struct seek_entry {
  std::string hash;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, seek_entry& x) {
  return f(x.hash);
}

/// Creates or updates an entry; keeps `verified`, `completions` and `created_at` of an old one, and
/// its torrent if the new one brings none. Errors: ec::blocked, ec::conflict, ec::storage_*.
struct register_entry {
  registry_entry entry;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, register_entry& x) {
  return f(x.entry);
}

/// Takes an entry down and blocks all of its hashes until an operator unblocks them. An unknown
/// hash is blocked all the same.
struct remove_entry {
  std::string hash; ///< 20 or 32 raw bytes.
  std::string reason;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, remove_entry& x) {
  return f(x.hash, x.reason);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_query& x) {
  return f(x.q, x.category, x.publisher, x.tags, x.sort, x.limit, x.offset, x.slots);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_hit& x) {
  return f(x.key, x.sort_value, x.created_at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_result& x) {
  return f(x.total, x.hits);
}

struct blocked_hash {
  std::string hash; ///< 20 or 32 raw bytes.
  std::string reason;
  unix_seconds blocked_at = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, blocked_hash& x) {
  return f(x.hash, x.reason, x.blocked_at);
}

/// Allows a blocked hash again. Errors: ec::not_found.
struct unblock_hash {
  std::string hash;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, unblock_hash& x) {
  return f(x.hash);
}

} // namespace shoal
