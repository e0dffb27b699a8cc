// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/piece_hashes.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Finds out what a file's pieces hash to, so that it can be checked while it comes. Spawned by the
/// NODE, asked by FETCHERS. Lost when it dies: who asks; they go on without.
using piece_finder_actor
    = caf::typed_actor<caf::replies_to<find_piece_hashes>::with<found_piece_hashes>,
                       // INTERNAL: from the disk.
                       caf::reacts_to<piece_step>>;

} // namespace shoal
