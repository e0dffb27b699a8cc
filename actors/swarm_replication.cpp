// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_replication.hpp"

#include <algorithm>

namespace shoal {

namespace {

static_assert(replica_piece_peers * delta_peer_bytes_max < delta_body_bytes_max / 2);

void tell(cluster::replication_log::entry& out, const peer_set& peers, uint64_t identity) {
  if (auto peer = peers.describe(identity))
    out.peer(*peer);
  else
    out.gone(identity);
}

void tell(cluster::replication_log::entry& out, const peer_set& peers,
          std::span<const peer_change> changes) {
  for (auto& change : changes) {
    if (change.state == peer_change::to::gone)
      out.gone(change.identity);
    else
      tell(out, peers, change.identity);
  }
}

/// Cuts a share into pieces that a batch can hold.
void write_pieces(cluster::replication_log::entry& out, delta_piece& share, size_t peers_max) {
  auto& all = share.peers;
  if (all.size() <= peers_max)
    return out.piece(share);
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.identity < b.identity; });
  delta_piece piece;
  piece.from = share.from;
  for (size_t at = 0; at < all.size(); at += peers_max) {
    auto end = std::min(all.size(), at + peers_max);
    piece.peers.assign(all.begin() + static_cast<ptrdiff_t>(at),
                       all.begin() + static_cast<ptrdiff_t>(end));
    piece.to = end == all.size() ? share.to : piece.peers.back().identity;
    out.piece(piece);
    piece.from = piece.to + 1;
  }
}

} // namespace

void replicate_announce(cluster::replication_log& log, const info_hash& swarm,
                        const peer_set& peers, uint64_t identity, const announce_output& outcome,
                        std::span<const peer_change> changes, uint32_t age_s) {
  // A leecher that becomes a partial seed is no change to those who count.
  auto also = outcome.state_changed || outcome.completed_now;
  if (!log.wanted() || (changes.empty() && !also))
    return;
  auto same = [&](const peer_change& x) { return x.identity == identity; };
  cluster::replication_log::entry out{log, swarm};
  tell(out, peers, changes);
  if (also && (outcome.completed_now || std::none_of(changes.begin(), changes.end(), same)))
    tell(out, peers, identity);
  if (outcome.completed_now)
    out.numbers({outcome.counts.completed, age_s});
}

void replicate_changes(cluster::replication_log& log, const info_hash& swarm, const peer_set& peers,
                       std::span<const peer_change> changes) {
  if (!log.wanted() || changes.empty())
    return;
  cluster::replication_log::entry out{log, swarm};
  tell(out, peers, changes);
}

std::optional<uint64_t> replicate_piece(cluster::replication_log& log, const info_hash& swarm,
                                        const peer_set& peers, uint64_t from, uint32_t age_s,
                                        size_t peers_max, cluster::replication_flaw broken) {
  peers_max = std::min(peers_max, replica_piece_peers);
  delta_piece share;
  auto next = peers.cut(from, std::max(peers_max, peers.peers() / replica_turns_max), share);
  cluster::replication_log::entry out{log, swarm};
  if (from == 0)
    out.numbers({peers.counts().completed, age_s});
  write_pieces(out, share, peers_max);
  if (next && broken == cluster::replication_flaw::forgets_boundary)
    ++*next;
  return next;
}

} // namespace shoal
