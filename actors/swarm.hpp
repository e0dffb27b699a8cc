// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_load.hpp"
#include "actors/interval_policy.hpp"
#include "actors/lean_actor.hpp"
#include "actors/peer_set.hpp"
#include "actors/registry_actor.hpp"
#include "actors/swarm_actor.hpp"
#include "actors/swarm_bounds.hpp"
#include "actors/swarm_census.hpp"
#include "actors/swarm_directory.hpp"
#include "actors/union_counts.hpp"
#include "actors/web_peers.hpp"
#include "core/limits.hpp"

#include <array>
#include <deque>
#include <functional>
#include <unordered_set>

namespace shoal::cluster {
class replication_log; // cluster/replication_log.hpp
} // namespace shoal::cluster

namespace shoal {

class swarm_copies; // actors/swarm_copies.hpp
class swarm_relay;  // actors/swarm_relay.hpp

/// What all swarms of a node share. Built by the node, outlives them.
struct swarm_config {
  peer_table_config peers;
  interval_policy intervals;
  bool came_back = false;        ///< The node began with swarms of a life before.
  uint32_t web_interval_s = 120; ///< Announce interval of peers that are connected by WebSocket.
  uint32_t web_ttl_s = 3 * 120;  ///< Such a peer is forgotten when it says nothing for so long.
  swarm_bounds bounds;
  swarm_census census;
  client_names clients;
  std::unique_ptr<peer_policy> policy; ///< Null: random peers.
  metrics::counter announces;          ///< Of all transports.
  edge_load edges;
  std::array<shard_actor, slot_count> shards;
  std::function<registry_shard_actor(const info_hash&)> registry_of; ///< By primary swarm.
  accounts_actor accounts;
  swarm_directory* directory = nullptr;
  swarm_relay* others = nullptr; ///< The way to swarms of other nodes. Null: there is no cluster.
  /// What standbys are told, by slot; they outlive the swarms. Null: there is no cluster.
  std::array<cluster::replication_log*, slot_count> replication{};
  swarm_copies* copies = nullptr;      ///< What is known of swarms of other nodes. Null: the same.
  std::function<coarse_seconds()> now; ///< Coarse monotonic time; virtual in tests.
};

/// Remembers the last identities that finished a download, in any swarm of a torrent.
class recent_completers {
public:
  static constexpr size_t capacity = 4096;

  /// @returns whether the identity is new here.
  bool insert(uint64_t identity);

private:
  std::unordered_set<uint64_t> known_;
  std::deque<uint64_t> order_;
};

/// See swarm_actor. A lean actor, because there are up to millions of swarms with one peer each.
class swarm final : public lean_actor {
public:
  /// @param config outlives the actor.
  swarm(caf::actor_config& cfg, info_hash hash, swarm_config* config);

  /// What the message `announce_request` does, for an edge that has this swarm's turn. A swarm that
  /// has retired does nothing: the shard knows its successor.
  /// @param reply is overwritten, but for `exchange`; its strings' memory is used again.
  /// @returns whether there is a reply.
  bool announce_in_turn(const announce_request& req, announce_reply& reply);

  /// What the message `web_announce` does; a swarm that has retired passes it on.
  void web_announce_in_turn(web_announce& req, const visitor_actor& line);

  /// What the message `replicate_swarm` does, for who has this swarm's turn.
  piece_replicated replicate_in_turn(const replicate_swarm& order) const {
    return on_replicate(order);
  }

  /// What another node is to know of it.
  struct description {
    std::vector<std::string> facts; ///< For `merge_swarm`.
    uint64_t stamp = 0;             ///< Another one after each announce.
  };

  /// Describes its peers, for who has this swarm's turn. @param wanted says whom.
  description describe_in_turn(const std::function<bool(const replica_peer&)>& wanted) const;

  /// Ends, and nobody is told: another node has the peers and goes on. For who has its turn.
  /// @param stamp of the description that the other node has: if somebody has announced since,
  /// nothing happens.
  void depart_in_turn(uint64_t stamp);

  /// Begins with the peers of a copy. Before anybody else knows the swarm.
  void adopt(peer_set& peers, coarse_seconds born);

  /// Has the processor fetch the peers; only for who has this swarm's turn.
  void prefetch_peers() const { peers_.prefetch(); }
  void prefetch_addresses(ip_family family) const { peers_.prefetch_addresses(family); }

private:
  bool receive(caf::mailbox_element& x) override;
  void on_end(const caf::error& reason) override;
  void on_start();
  void on_announce(const announce_request& req, const edge_actor& edge);
  void answer(const announce_request& req, announce_reply& reply);
  void on_web_announce(web_announce& req, const visitor_actor& line);
  void on_web_left(const web_left& fact);
  swarm_numbers on_scrape() const;
  void answer(const scrape_request& req, const edge_actor& edge);
  void on_paired(const paired_peers& facts);
  void on_traffic(const paired_traffic& fact);
  void on_restore(const restore_swarm& image);
  void on_refresh();
  void on_expire();
  void on_clear();
  piece_replicated on_replicate(const replicate_swarm& order) const;
  void on_evict();
  void on_merge(const merge_swarm& facts);
  swarm_description on_describe(const describe_swarm& question) const;
  restore_swarm on_save() const;
  paired_peers on_members() const;

  coarse_seconds now() const { return config_.now(); }
  uint64_t draw();
  uint32_t draw_interval(const swarm_counts& here);
  swarm_shape shape(const swarm_counts& here) const;
  uint32_t age_s() const;
  cluster::replication_log* standby() const;
  uint32_t uptime_s() const { return config_.came_back ? last_heard_ : UINT32_MAX; }
  void retire();
  void tell_all();
  void merge(const replica_peer& x, std::vector<peer_change>& changes);
  uint64_t stamp() const { return uint64_t{last_heard_} << 11 | draws_; }
  void be_counted() const;
  eviction_rank rank() const;
  void read_registration();
  void book_traffic(const std::string& user, const usage_report& report);
  void credit(const std::string& user, const usage_report& report);
  void note_completion(uint64_t identity);
  void note_changes(std::vector<peer_change> changes);
  void tell_primary(bool reset, std::vector<peer_change> changes, std::vector<uint64_t> completed);
  void tell_primary_anew();
  std::vector<peer_change> everybody() const;
  void publish_counts();
  void publish_size();
  bool deserted() const;

  using web_visitors = web_peers<visitor_actor>;

  void relay_offers(const web_visitors::visitor& from, std::vector<ws_offer> offers);
  void leave_web(uint64_t identity, uint64_t line, std::vector<peer_change>& changes);
  void expire_web(std::vector<peer_change>& changes);
  void evict_web(std::vector<peer_change>& changes);
  web_visitors& need_web();

  /// Changes that the peer table reports are wanted at all.
  bool watched() const { return entry() || web_; }

  /// Of all transports; each peer once.
  swarm_counts counts() const;

  /// What only the primary swarm of a torrent with several info-hashes keeps.
  struct primary_state {
    union_counts peers;
    recent_completers completers;
  };

  /// What only swarms of registered torrents keep.
  struct registered_state {
    std::shared_ptr<const registration> entry;
    std::unique_ptr<primary_state> primary;
    uint32_t told_place = 0; ///< Where the primary swarm was told all: swarm_relay::place_of.
  };

  const registration* entry() const { return registered_ ? registered_->entry.get() : nullptr; }
  primary_state* primary() const { return registered_ ? registered_->primary.get() : nullptr; }
  primary_state& need_primary();

  /// Coarse seconds in one tick of `born_`.
  static constexpr uint32_t age_unit_s = 64;

  // The order leaves no gaps: each byte here is a megabyte in a node with a million swarms.
  info_hash hash_;
  uint32_t published_size_ = 0;   // Peers that the directory counts for this swarm.
  coarse_seconds last_heard_ = 0; // When somebody announced.
  uint16_t born_ = 0;             // In ticks of `age_unit_s`; wraps after weeks, which is no harm.
  uint16_t draws_ : 11 = 0;       // See `stamp`.
  uint16_t deserted_sweeps_ : 2 = 0;
  uint16_t started_ : 1 = 0;
  uint16_t retired_ : 1 = 0;  // Left the directory; passes on what still arrives, then quits.
  uint16_t restored_ : 1 = 0; // From a snapshot, and nobody has announced since.
  swarm_config& config_;
  std::unique_ptr<registered_state> registered_;
  std::unique_ptr<web_visitors> web_; // Null unless somebody is connected.
  peer_set peers_;
};

/// @returns the swarm behind the handle, or null: tests and other nodes have actors of the same
/// interface that are none.
swarm* local_swarm(const swarm_actor& handle);

} // namespace shoal
