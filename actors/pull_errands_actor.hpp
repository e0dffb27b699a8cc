// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/pull_errand.hpp"
#include "actors/messages/registry_links.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Has files pulled where their homes are (ADR 29), and pulls those that this node is the home of
/// for others. Spawned by the NODE in a cluster, asked by the preheater and by other nodes. Lost
/// when it dies: who waits asks again, and the pull goes on.
using pull_errands_actor = caf::typed_actor<
    // Errors: as `open_pull` and `read_pull`, of whoever pulls.
    caf::replies_to<pull_errand>::with<errand_progress>,
    // Another node asks.
    caf::reacts_to<link_question>,
    // INTERNAL: another node has answered.
    caf::reacts_to<remote_answer>,
    // INTERNAL: from the disk.
    caf::reacts_to<errand_step>,
    // INTERNAL: time to answer who waits, and to leave what nobody asks for.
    caf::reacts_to<atom::tick>>;

} // namespace shoal
