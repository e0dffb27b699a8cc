// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/relay_choice.hpp"
#include "actors/swarm_directory.hpp"
#include "actors/web_switchboard.hpp"

#include <unordered_map>
#include <unordered_set>

namespace shoal {

/// The swarms of this node, for who brings clients to them.
struct web_swarms {
  const swarm_directory* directory = nullptr;
  const std::array<shard_actor, slot_count>* shards = nullptr;
  std::chrono::seconds ttl{}; ///< See swarm_config::web_ttl_s.

  /// To the swarm, or to the shard that spawns it.
  void announce(web_announce req, const visitor_actor& line) const;
};

/// The clients of this node in swarms of others: tells owners, or their standbys while owners are
/// silent, and brings back what these say. What nobody answers ends as it does with a swarm that is
/// silent: without a word. Belongs to one thread.
class web_home {
public:
  /// @param swarms, routes outlive it.
  web_home(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
           const cluster::slot_routes& routes, const web_swarms& swarms)
      : system_{sys}, board_{std::move(board)}, routes_{routes}, choice_{routes}, swarms_{swarms} {}

  ~web_home() { board_->counted.lines.add(-int64_t(lines_.size())); }

  // -- what clients do ---------------------------------------------------------------

  void announce(web_announce req, const peer_actor& who, mono_time now);
  void gone(uint64_t line);

  /// What a node was asked it will not answer.
  void cut(cluster::node_number node);

  /// It may be answered for as long as clients wait.
  void offers(const offerer_actor& who, mono_time now);

  // -- what other nodes say ----------------------------------------------------------

  void hear(cluster::node_number from, const link_web_reply& x);
  void hear(link_web_offered& x);
  void hear(link_web_answered& x);
  void hear(const link_web_evicted& x);

  /// Sends again what waits for too long.
  void advance(mono_time now);

  /// Whether `advance` has something to do soon.
  bool is_waiting() const { return !busy_.empty(); }

private:
  /// An announce without a reply.
  struct pending {
    web_announce request;
    mono_time began;
    mono_time sent{};
    cluster::node_number to = cluster::nobody; ///< Nobody: it cannot be sent now.
  };

  struct client {
    peer_actor peer;
    std::vector<cluster::node_number> told; ///< Nodes that may know it.
    std::vector<pending> waiting;           ///< At most one for each swarm and peer id.
  };

  struct offerer {
    offerer_actor who;
    mono_time until;
  };

  /// @returns whether `x` waits from now on.
  bool route(uint64_t number, client& from, pending& x, relay_pick to, mono_time now);

  /// @returns whether it goes on waiting.
  bool review(uint64_t number, client& from, pending& x, mono_time now);

  void keep(uint64_t number, client& from, pending x);
  void forget(const pending& x) { kept_bytes_ -= bytes_of(x); }
  static size_t bytes_of(const pending& x);
  offerer_actor offerer_at(const std::string& node, uint64_t line);

  caf::actor_system& system_;
  const std::shared_ptr<web_switchboard> board_;
  const cluster::slot_routes& routes_;
  relay_choice choice_;
  const web_swarms& swarms_;
  std::unordered_map<uint64_t, client> lines_;
  std::unordered_set<uint64_t> busy_; // Lines with something that waits.
  std::unordered_map<uint64_t, offerer> offerers_;
  mono_time swept_{}; // The offerers.
  size_t kept_bytes_ = 0;
};

} // namespace shoal
