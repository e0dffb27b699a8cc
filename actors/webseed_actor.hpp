// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/webseed.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Pulls one file from its origins, once, and feeds all who read it meanwhile. Spawned and watched
/// by the web seed. Lost when it dies: requests under way; what was synced is gone on with by the
/// next one.
using webseed_fetcher_actor = caf::typed_actor<
    // Errors: ec::unavailable, ec::timeout, ec::not_found, ec::unauthorized, ec::conflict (the
    // origin has another file now), ec::storage_full, ec::busy (too many readers).
    caf::replies_to<read_pull>::with<pull_progress>,
    // Nothing is to be fetched for that reader any more.
    caf::reacts_to<leave_pull>,
    // Whoever began it does not want it any more: it ends, unless somebody reads it.
    caf::reacts_to<atom::stop>,
    // INTERNAL: from the disk and the origins' client.
    caf::reacts_to<pull_event>,
    // INTERNAL: time to look who waits for too long, and to try again.
    caf::reacts_to<atom::tick>>;

/// The answer to `open_pull`.
struct opened_pull {
  webseed_fetcher_actor fetcher;       ///< Invalid if there is an object.
  std::optional<sha256_digest> object; ///< What the file has become: it came a moment ago.
};

/// What origins have, and who pulls it: one fetcher per file. Spawned by the node. Lost when it
/// dies: what origins said lately; the book on disk keeps what matters.
using webseed_actor = caf::typed_actor<
    // Errors: ec::unsupported (this node asks no origins), ec::unavailable, ec::timeout.
    caf::replies_to<find_origin_file>::with<origin_file>,
    // Errors: ec::busy (too many pulls), and what the same pull failed with a moment ago.
    caf::replies_to<open_pull>::with<opened_pull>,
    // Errors: as `find_origin_file`; ec::too_large.
    caf::replies_to<list_origin>::with<origin_listing>,
    // One alone is told: the last who asked.
    caf::reacts_to<watch_pulls>,
    // INTERNAL: a fetcher has ended its work.
    caf::reacts_to<pull_over>,
    // INTERNAL: from the origins' client.
    caf::reacts_to<origin_answer>, caf::reacts_to<listing_page>,
    // INTERNAL: time to forget.
    caf::reacts_to<atom::tick>>;

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::opened_pull)
