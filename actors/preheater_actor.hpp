// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/preheat.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Brings commits of origins here before anybody asks for them, and has them registered. Spawned by
/// the NODE, asked by the edges. Lost when it dies, and when the node ends: jobs; what came stays,
/// and the same job goes on there.
using preheater_actor = caf::typed_actor<
    // Errors: ec::busy (too many jobs), ec::not_found (no origin is asked for it).
    caf::replies_to<begin_preheat>::with<preheat_status>,
    // Errors: ec::not_found, as the next one.
    caf::replies_to<preheat_query>::with<preheat_status>,
    caf::replies_to<cancel_preheat>::with<preheat_status>,
    caf::replies_to<list_preheats>::with<preheat_list>,
    // INTERNAL: from other threads.
    caf::reacts_to<preheat_step>,
    // INTERNAL: time to tell who waits, and to try again.
    caf::reacts_to<atom::tick>>;

} // namespace shoal
