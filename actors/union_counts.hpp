// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/identity_map.hpp"
#include "actors/peer_table.hpp"

#include <cstdint>
#include <span>

namespace shoal {

/// Counts the distinct peers of several swarms of one content: a hybrid torrent's v1 and v2 swarm
/// and its v1-only twin. Fed with the facts that each swarm's peer_table reports. About 12 to 24
/// bytes per peer. @source BEP 52: a hybrid client announces to both swarms.
class union_counts {
public:
  static constexpr size_t sources_max = 4;

  /// @param source which swarm says so, 0..sources_max-1.
  void apply(size_t source, const peer_change& change);
  void apply(size_t source, std::span<const peer_change> changes);

  /// Forgets all that a source has said, e.g. because its swarm was passivated.
  void drop_source(size_t source);

  /// A peer is a seeder if it is one in any source.
  uint32_t seeders() const { return seeders_; }

  uint32_t leechers() const { return leechers_; }

private:
  void recount(uint8_t before, uint8_t after);

  identity_map<uint8_t> members_; // Low nibble: present in source i; high nibble: seeder there.
  uint32_t seeders_ = 0;
  uint32_t leechers_ = 0;
};

} // namespace shoal
