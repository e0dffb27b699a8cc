// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"

#include <string>
#include <vector>

namespace shoal {

/// Records the sender in a swarm and asks for peers. @source BEP 3 "Tracker GET requests".
struct announce_request {
  uint64_t exchange = 0;   ///< The edge's number for this request; comes back in the reply.
  info_hash swarm;         ///< v1 or truncated v2 hash.
  endpoint peer;           ///< Source address as the edge sees it; never the query's `ip`.
  peer_id id;              ///< As the client chose it.
  uint64_t identity = 0;   ///< Keyed hash of peer id and `key`: the same peer on any address.
  uint64_t uploaded = 0;   ///< Bytes since `started`, as the client says.
  uint64_t downloaded = 0; ///< Bytes since `started`, as the client says.
  uint64_t left = 0;       ///< Bytes still wanted; 0 marks a seeder.
  announce_event event = announce_event::none;
  uint32_t numwant = 0;         ///< 0..limits::numwant_max, clamped by the edge.
  bool with_ids = false;        ///< The client asked for the list form with peer ids (compact=0).
  bool own_family_only = false; ///< Only peers of the family of `peer`. @source BEP 15
  std::string user;             ///< Account to book traffic on; empty for anonymous.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, announce_request& x) {
  return f(x.exchange, x.swarm, x.peer, x.id, x.identity, x.uploaded, x.downloaded, x.left, x.event,
           x.numwant, x.with_ids, x.own_family_only, x.user);
}

/// What the swarm hands out.
struct announce_reply {
  uint64_t exchange = 0;
  uint32_t interval_s = 0; ///< Seconds until the client should announce again.
  uint32_t complete = 0;   ///< Seeders.
  uint32_t incomplete = 0; ///< Everybody else.
  uint64_t downloaded = 0; ///< Completions in the swarm's life.
  std::string peers4;      ///< 6 bytes each: address, port. @source BEP 23
  std::string peers6;      ///< 18 bytes each. @source BEP 7
  std::string ids;         ///< 20 bytes each, IPv4 peers first; only if asked for.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, announce_reply& x) {
  return f(x.exchange, x.interval_s, x.complete, x.incomplete, x.downloaded, x.peers4, x.peers6,
           x.ids);
}

} // namespace shoal
