// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/announce.hpp"
#include "actors/messages/swarm.hpp"
#include "actors/messages/web.hpp"
#include "protocol/link_announce.hpp"
#include "protocol/link_swarm.hpp"
#include "protocol/link_web.hpp"

/// Between what actors say to swarms of this node and what is said to those of another one.
namespace shoal {

/// @param whole_id see link_announce. @returns views bytes of `x`.
link_announce to_link(const announce_request& x, bool whole_id);

/// @param out keeps its memory; `exchange` is left alone.
void from_link(const link_announce& x, announce_request& out);

/// @param ticket of the link_announce. @returns views bytes of `x`.
link_answer to_link(const announce_reply& x, uint32_t ticket);

/// @param x answered. @param out keeps its memory; `exchange` is left alone.
void from_link(const link_answer& x, announce_reply& out);

link_numbers to_link(const swarm_numbers& x);
swarm_numbers from_link(const link_numbers& x);

/// @param line of the client.
link_web_announce to_link(const web_announce& x, uint64_t line);
web_announce from_link(link_web_announce x);

link_paired to_link(const paired_peers& x);
link_paired to_link(const paired_traffic& x);
paired_peers from_link(link_paired_peers x);
paired_traffic from_link(link_paired_traffic x);

link_description to_link(const swarm_description& x);
swarm_description from_link(const link_description& x);

} // namespace shoal
