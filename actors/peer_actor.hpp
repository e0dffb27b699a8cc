// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm_actor.hpp"

namespace shoal {

/// A client that is connected by WebSocket: the swarms that it has joined, under whatever peer ids,
/// and the offers that it has been sent and may answer. Spawned and watched by the EDGE that has
/// the socket, always resumed on that edge's thread. Lost when it dies: its session; the edge
/// closes the socket then, and the client connects again.
using peer_actor = visitor_actor::extend<
    // Its client announces: passed on to the swarm, or to the shard if there is none.
    caf::reacts_to<web_announce, swarm_actor>,
    // Its client answers an offer: passed on to whoever made it, if it was really made.
    caf::reacts_to<web_answer>,
    // Forgets offers that were not answered in time.
    caf::reacts_to<atom::expire>,
    // Announces itself to swarms that other nodes have now.
    caf::reacts_to<atom::refresh>,
    // The socket is gone.
    caf::reacts_to<atom::stop>>;

} // namespace shoal
