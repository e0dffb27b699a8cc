// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/web.hpp"

#include <caf/typed_actor.hpp>

namespace shoal {

/// Whoever made an offer: a PEER (peer_actor.hpp), as another one sees it.
using offerer_actor = caf::typed_actor<
    // Somebody took up an offer of its client.
    caf::reacts_to<web_answered>>;

/// A PEER as swarms see it.
using visitor_actor = caf::typed_actor<
    // Somebody took up an offer of its client.
    caf::reacts_to<web_answered>,
    // The swarm's answer to an announce.
    caf::reacts_to<web_reply>,
    // Somebody in a swarm offers a connection.
    caf::reacts_to<web_offered, offerer_actor>,
    // A swarm was taken down.
    caf::reacts_to<web_evicted>>;

} // namespace shoal
