// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm_places.hpp"
#include "actors/web_guests.hpp"

#include <thread>

namespace shoal {

/// Peers by WebSocket across nodes (ADR 19): the node that has the socket tells the owner of the
/// swarm of its client, offers go through the owner to the node that has the other client's socket,
/// and answers straight to the node of whoever made the offer.
///
/// Everything that is heard or said passes through one thread, of its own after `start`. Lost when
/// it dies: nothing that the next announces do not bring back.
class web_relay {
public:
  /// Begins to listen. Before the first `follow` of the links. @param between, places, routes
  /// outlive it.
  web_relay(cluster::links& between, const swarm_places& places, cluster::slot_routes& routes,
            metrics::registry& registry);
  ~web_relay();

  /// The swarms of this node are there. @param swarms of them; they outlive `stop`.
  void attach(caf::actor_system& sys, web_swarms swarms);

  /// Starts the thread, once swarms are there. Without it somebody else calls `run`.
  void start();

  /// Ends the thread and lets go of all actors; nothing is said or heard any more. Before the
  /// actor system goes.
  void stop();

  /// Deals with what has come and with what waits for too long. On one thread only.
  void run(mono_time now);

  web_relay_metrics& counted() { return board_->counted; }

  // -- for peers; any thread -----------------------------------------------------------

  const swarm_places& places() const { return places_; }

  /// What the message `web_announce` to a swarm does, whoever has the swarm.
  void announce(web_announce req, peer_actor who) {
    board_->put(web_asked{std::move(req), std::move(who)});
  }

  /// A peer ends, whether or not it has announced something here.
  void gone(uint64_t line) { board_->put(web_gone{line}); }

private:
  /// Tells the relay of broken links.
  class watcher;

  void handle(web_heard& x, mono_time now);
  void show(metrics::registry& registry);

  const swarm_places& places_;
  cluster::slot_routes& routes_;
  const std::shared_ptr<web_switchboard> board_; // Handlers of the links may outlive this.
  std::unique_ptr<watcher> watcher_;
  web_swarms swarms_;
  std::optional<web_home> home_;
  std::optional<web_guests> guests_;
  std::thread thread_;
};

} // namespace shoal
