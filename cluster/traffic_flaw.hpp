// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace shoal::cluster {

/// What is broken on purpose on the way of an announce, of a question about the registry and of a
/// swarm between nodes, so that the
/// simulation shows that it would notice. Only tests set it.
enum class traffic_flaw : uint8_t {
  none,
  waits_for_owner, ///< Asks no standby while the owner is linked and silent.
  drops_on_break,  ///< Forgets what waits for a node whose link breaks.
  drops_moved,     ///< Forgets an announce when who was asked says that it has the slot no more.
  never_stands_in, ///< A standby that is asked says that it is not the owner.
  forgets_copy,    ///< A takeover makes no swarms of the copy.
  skips_full_sync, ///< A new standby is told changes only.
  no_last_words,   ///< What the standby has not been told when the slot goes is never told.
  keeps_strays,    ///< Peers that were heard in an owner's stead are never given to it.
  lets_go_unheard, ///< Strays end before the owner has said that it has them.
  lets_go_unseen,  ///< Strays end though somebody has announced since they were described.
  reads_without_lease, ///< Answers as the owner of a slot that may have another one by now.
  reads_unready,       ///< The same, though the copy does not have yet what the last owner wrote.
  believes_copies,     ///< Says of what a copy does not have that there is no such thing.
  skips_proof,         ///< The same, but only owners do: of hashes of other slots' entries.
  traffic_flaw_sentinel_
};

/// @returns the name of the enumerator.
std::string_view name(traffic_flaw x);

} // namespace shoal::cluster
