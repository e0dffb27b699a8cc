// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/announce.hpp"
#include "actors/messages/swarm.hpp"
#include "actors/visitor_actor.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Where a swarm sends its answers: the edge on whose thread the announce came in. An answer to an
/// announce is a message of its own and not a CAF response, because CAF's request timers would cost
/// more than the announce itself; the edge sweeps for overdue exchanges instead.
using edge_actor = caf::typed_actor<
    // The answer to an announce_request of that exchange number.
    caf::reacts_to<announce_reply>,
    // The answer to a scrape_request of that exchange number.
    caf::reacts_to<scrape_reply>>;

/// Owns one swarm's peers. Spawned and watched by its SHARD on the first announce, asked by the
/// EDGES, resumed on the thread of whichever edge asks. Lost when it dies: its peers, which
/// announce again within an interval or come back from the last snapshot; never model metadata.
using swarm_actor = caf::typed_actor<
    // Records the peer and answers the edge with peers.
    caf::reacts_to<announce_request, edge_actor>,
    // Records a peer that is connected by WebSocket, answers it, and passes on its offers.
    caf::reacts_to<web_announce, visitor_actor>,
    // Such a peer is gone without a word.
    caf::reacts_to<web_left>,
    // Numbers of the swarm. Source: BEP 48.
    caf::replies_to<scrape_swarm>::with<swarm_numbers>,
    // The same for an edge that sweeps for overdue answers itself.
    caf::reacts_to<scrape_request, edge_actor>,
    // Peers of the torrent's other swarms: see paired_peers.
    caf::reacts_to<paired_peers>,
    // Books what a user's client reported in another of the torrent's swarms.
    caf::reacts_to<paired_traffic>,
    // Fills the (empty) swarm from a snapshot.
    caf::reacts_to<restore_swarm>,
    // The registry entry of this info-hash came, went or changed.
    caf::reacts_to<atom::refresh>,
    // Forgets peers that have been silent for too long; goes to sleep for good when nobody is left.
    caf::reacts_to<atom::expire>,
    // Forgets everybody: the content was taken down.
    caf::reacts_to<atom::clear>,
    // Makes way for others, unless it is registered by now. From the CARETAKER.
    caf::reacts_to<atom::evict>,
    // Who is there, for an operator.
    caf::replies_to<describe_swarm>::with<swarm_description>,
    // INTERNAL: nobody can know this swarm any more.
    caf::reacts_to<atom::stop>,
    // The swarm's peers in peer_table's format, for a snapshot.
    caf::replies_to<atom::save>::with<restore_swarm>,
    // Writes some of its peers for the standby of its slot.
    caf::replies_to<replicate_swarm>::with<piece_replicated>,
    // Takes in peers that another node knows.
    caf::reacts_to<merge_swarm>,
    // Every identity in the swarm and whether it seeds, to count a revision's swarms together.
    caf::replies_to<atom::members>::with<paired_peers>>;

/// Owns a slot: spawns its swarms on demand and lists them in the directory. Spawned by the NODE.
/// Lost when it dies: nothing; the swarms live on.
using shard_actor = caf::typed_actor<
    // An announce for a swarm that does not exist (any more): spawns it and passes the announce on.
    caf::reacts_to<announce_request, edge_actor>,
    // The same for a peer that is connected by WebSocket.
    caf::reacts_to<web_announce, visitor_actor>,
    // Numbers of a swarm that is not awake.
    caf::reacts_to<scrape_sleeper, edge_actor>,
    // Passes on to the primary swarm, which is spawned if need be.
    caf::reacts_to<paired_peers>,
    // The same.
    caf::reacts_to<paired_traffic>,
    // Brings a swarm back after a restart.
    caf::reacts_to<restore_swarm>,
    // The same with peers that another node knows.
    caf::reacts_to<merge_swarm>,
    // Makes swarms of the slot's copy, some in each turn.
    caf::reacts_to<restore_slot>,
    // Answers when everything sent before has been passed on.
    caf::replies_to<atom::flush>::with<atom::flush>>;

} // namespace shoal
