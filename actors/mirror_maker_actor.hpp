// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/mirror.hpp"
#include "actors/messages/registry_links.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Registers commits of origins, once all of their files are here, with torrents (ADR 30). In a
/// cluster each commit has one node that does it, which brings together what others have (ADR 33).
/// One at a time. Spawned by the NODE, told by the web seed. Lost when it dies: who waits; the next
/// file of a commit that comes makes it look again.
using mirror_maker_actor = caf::typed_actor<caf::reacts_to<file_pulled>,
                                            // Answered when it is over, which may take as long as
                                            // reading all files. Errors: ec::busy.
                                            caf::replies_to<make_mirror>::with<mirror_made>,
                                            // Another node tells of a file that came to it.
                                            caf::reacts_to<link_question>,
                                            // INTERNAL: another node has answered.
                                            caf::reacts_to<remote_answer>,
                                            // INTERNAL: from other threads.
                                            caf::reacts_to<mirror_step>,
                                            // INTERNAL: time to begin with the next one.
                                            caf::reacts_to<atom::tick>>;

} // namespace shoal
