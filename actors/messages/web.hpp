// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"
#include "protocol/ws_tracker.hpp"

#include <string>
#include <vector>

/// What is said about peers that are connected by WebSocket: docs/webtorrent-tracker.md.
namespace shoal {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ws_offer& x) {
  return f(x.id, x.sdp);
}

/// A connected peer announces itself and, with its offers, asks for other connected peers.
struct web_announce {
  /// In `arrived_us`: the edge says it on its own, and the client hears nothing of the reply.
  static constexpr uint64_t unasked = UINT64_MAX;

  info_hash swarm;
  peer_id id;
  uint64_t identity = 0;   ///< As in announce_request.
  ip_address client;       ///< Where it is, for limits; never handed out.
  uint64_t uploaded = 0;   ///< Bytes since `started`.
  uint64_t downloaded = 0; ///< Bytes since `started`.
  uint64_t left = 0;       ///< 0 marks a seeder.
  announce_event event = announce_event::none;
  std::vector<ws_offer> offers; ///< At most limits::ws_offers_max, for a peer each.
  std::string user;             ///< Account to book traffic on; empty for anonymous.
  uint64_t arrived_us = 0;      ///< When the edge got it; comes back in the reply.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_announce& x) {
  return f(x.swarm, x.id, x.identity, x.client, x.uploaded, x.downloaded, x.left, x.event, x.offers,
           x.user, x.arrived_us);
}

/// The swarm's answer to a web_announce.
struct web_reply {
  info_hash swarm;
  uint32_t interval_s = 0;
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint64_t arrived_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_reply& x) {
  return f(x.swarm, x.interval_s, x.complete, x.incomplete, x.arrived_us);
}

/// A connected peer is gone without a word.
struct web_left {
  info_hash swarm;
  uint64_t identity = 0;
  uint64_t line = 0; ///< Number of its peer actor.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_left& x) {
  return f(x.swarm, x.identity, x.line);
}

/// Somebody wants to connect.
struct web_offered {
  info_hash swarm;
  peer_id to;   ///< Which of the receiver's ids is meant.
  peer_id from; ///< Who wants to connect.
  ws_offer offer;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_offered& x) {
  return f(x.swarm, x.to, x.from, x.offer);
}

/// A client takes up an offer that it was sent.
struct web_answer {
  info_hash swarm;
  peer_id id;      ///< Under which of its ids it was sent the offer.
  peer_id to;      ///< Who made the offer.
  ws_offer answer; ///< The offer's id, the answer's SDP.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_answer& x) {
  return f(x.swarm, x.id, x.to, x.answer);
}

/// Somebody takes up an offer.
struct web_answered {
  info_hash swarm;
  peer_id to;      ///< Who made the offer.
  peer_id from;    ///< Who answers.
  ws_offer answer; ///< The offer's id, the answer's SDP.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_answered& x) {
  return f(x.swarm, x.to, x.from, x.answer);
}

/// The swarm's content was taken down.
struct web_evicted {
  info_hash swarm;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, web_evicted& x) {
  return f(x.swarm);
}

} // namespace shoal
