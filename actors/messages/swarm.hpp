// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_list.hpp"
#include "actors/union_counts.hpp"
#include "core/ids.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"

#include <string>
#include <vector>

namespace shoal {

/// Asks for the numbers of a swarm. @source BEP 48.
struct scrape_swarm {
  info_hash swarm;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrape_swarm& x) {
  return f(x.swarm);
}

struct swarm_numbers {
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint32_t downloaders = 0; ///< Peers that still download; partial seeds do not. @source BEP 21
  uint64_t downloaded = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, swarm_numbers& x) {
  return f(x.complete, x.incomplete, x.downloaders, x.downloaded);
}

/// Asks for what an operator may see of a swarm.
struct describe_swarm {
  uint32_t addresses_max = 0; ///< Of the answer.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, describe_swarm& x) {
  return f(x.addresses_max);
}

/// One address of a peer.
struct described_peer {
  endpoint address;
  peer_state state = peer_state::leecher;
  bool second_address = false; ///< Counted with an IPv4 address already.
  uint32_t silent_s = 0;       ///< Since its last announce; more than that for a restored peer.
  std::string client;          ///< See client_names.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, described_peer& x) {
  return f(x.address, x.state, x.second_address, x.silent_s, x.client);
}

struct swarm_description {
  swarm_numbers numbers;
  uint32_t interval_s = 0; ///< What an announce would be told now.
  uint32_t age_s = 0;      ///< Since the first announce, within a minute.
  uint32_t silent_s = 0;   ///< Since the last one.
  uint32_t connected = 0;  ///< Peers by WebSocket.
  bool restored = false;   ///< From a snapshot, and nobody has announced since.
  uint64_t addresses = 0;  ///< In all.
  uint64_t memory_bytes = 0;
  std::vector<described_peer> peers; ///< Some of them if there are many.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, swarm_description& x) {
  return f(x.numbers, x.interval_s, x.age_s, x.silent_s, x.connected, x.restored, x.addresses,
           x.memory_bytes, x.peers);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, peer_change& x) {
  return f(x.identity, x.state);
}

/// Asks for a swarm's numbers without CAF's timers, which cost more than the answer: one of the
/// many hashes in a UDP scrape. The swarm answers the edge with a scrape_reply.
struct scrape_request {
  uint64_t exchange = 0; ///< The edge's number for the whole scrape; comes back in the reply.
  uint32_t index = 0;    ///< Which of its hashes this is; comes back, too.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrape_request& x) {
  return f(x.exchange, x.index);
}

/// A scrape_request for a swarm that is not awake: the slot's copy may have it.
struct scrape_sleeper {
  info_hash swarm;
  scrape_request ask;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrape_sleeper& x) {
  return f(x.swarm, x.ask);
}

struct scrape_reply {
  uint64_t exchange = 0;
  uint32_t index = 0;
  swarm_numbers numbers;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrape_reply& x) {
  return f(x.exchange, x.index, x.numbers);
}

/// Who came, went or changed in another swarm of the same torrent, so that the primary swarm counts
/// each peer once however many of the torrent's info-hashes it announces.
struct paired_peers {
  info_hash primary;                ///< The swarm that counts.
  uint8_t source = 0;               ///< Which of the torrent's other swarms speaks, 1 or 2.
  bool reset = false;               ///< Forget what this source said before.
  std::vector<peer_change> changes; ///< At most limits::paired_changes_max.
  std::vector<uint64_t> completed;  ///< Identities that finished a download.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, paired_peers& x) {
  return f(x.primary, x.source, x.reset, x.changes, x.completed);
}

/// What a user's client reports in another swarm of the same torrent: a hybrid client reports the
/// same bytes in all of them, so the primary swarm alone compares it with what came before.
struct paired_traffic {
  info_hash primary;
  uint64_t identity = 0;
  ip_family family = ip_family::v4; ///< Over which the announce came.
  announce_event event = announce_event::none;
  uint64_t uploaded = 0;   ///< Bytes since `started`.
  uint64_t downloaded = 0; ///< Bytes since `started`.
  std::string user;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, paired_traffic& x) {
  return f(x.primary, x.identity, x.family, x.event, x.uploaded, x.downloaded, x.user);
}

/// A swarm as it lies in a snapshot.
struct restore_swarm {
  info_hash swarm;
  uint64_t downloaded = 0;
  bool clean = false; ///< Written by an orderly shutdown, so traffic baselines may be trusted.
  std::string body;   ///< peer_table's own format.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_swarm& x) {
  return f(x.swarm, x.downloaded, x.clean, x.body);
}

/// Has the swarm write a piece of itself for its slot's standby: cluster/slot_sync.hpp.
struct replicate_swarm {
  uint64_t from_identity = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replicate_swarm& x) {
  return f(x.from_identity);
}

struct piece_replicated {
  bool last = true;
  uint64_t next_identity = 0; ///< Where the next piece begins, unless this was the last one.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, piece_replicated& x) {
  return f(x.last, x.next_identity);
}

/// Peers of a swarm that another node has heard of, or had when the slot was its own. Whoever is
/// known already is known better here.
struct merge_swarm {
  info_hash swarm;
  std::string facts; ///< Those of protocol/swarm_delta that tell of peers and numbers.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, merge_swarm& x) {
  return f(x.swarm, x.facts);
}

/// The slot is this node's now: its swarms are to be made of the copy.
struct restore_slot {
  uint8_t slot = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_slot& x) {
  return f(x.slot);
}

/// Traffic that a user caused since the last report.
struct user_traffic {
  std::string user;
  uint64_t uploaded = 0;
  uint64_t downloaded = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, user_traffic& x) {
  return f(x.user, x.uploaded, x.downloaded);
}

/// Downloads that finished in a registered swarm.
struct completions_counted {
  info_hash swarm;
  uint32_t count = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, completions_counted& x) {
  return f(x.swarm, x.count);
}

} // namespace shoal
