// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_gatherer.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Brings objects that other nodes have here. Spawned by the NODE in a cluster. Lost when it dies:
/// who waits; what came stays.
using object_gatherer_actor = caf::typed_actor<
    // Errors: ec::not_found (no node has one of them), ec::unavailable, ec::busy (for now).
    caf::replies_to<seek_objects>::with<objects_sought>,
    // The same, as long as the object is large and other nodes are slow.
    caf::replies_to<gather_object>::with<gathered_object>,
    // INTERNAL: an object has come, or not.
    caf::reacts_to<gather_step>>;

} // namespace shoal
