// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/lean_actor.hpp"
#include "actors/loop_unit.hpp"
#include "actors/peer_actor.hpp"
#include "actors/tracker_gate.hpp"
#include "actors/web_metrics.hpp"
#include "actors/web_offers.hpp"

#include <functional>

namespace shoal {

class agent_book;
class web_relay;

/// A WebSocket, as its peer sees it. All calls come on the edge's thread.
class web_line {
public:
  virtual ~web_line() = default;

  /// Sends a text to the client.
  virtual void say(std::string_view json) = 0;

  /// The client may answer offers until this moment.
  virtual void may_answer_until(mono_time deadline) = 0;

  /// The client has answered an offer that it was not given, or not lately.
  virtual void answer_dropped() = 0;

  /// Where the client is.
  virtual ip_address address() const = 0;

  /// The peer has ended, and its line hears no more.
  virtual void peer_ended() = 0;
};

/// What all peers of an edge share; outlives them.
struct web_desk {
  loop_unit* loop = nullptr;
  const swarm_directory* directory = nullptr;
  const std::array<shard_actor, slot_count>* shards = nullptr;
  tracker_gate* gate = nullptr;
  web_metrics* metrics = nullptr;
  web_relay* relay = nullptr;   ///< Null: there is no cluster.
  agent_book* agents = nullptr; ///< What those of the peers that are agents have said.
  std::function<mono_time()> now;
  size_t peers = 0; ///< Alive; kept by the peers.
  std::string text; ///< Scratch space for what is said.
};

/// See peer_actor. A lean actor, because there is one per open WebSocket.
class peer : public lean_actor {
public:
  /// @param line is told nothing any more after `hang_up`, which must come before it goes.
  peer(caf::actor_config& cfg, web_desk* desk, web_line* line);

  /// Whoever wakes it up, it runs on its own I/O thread.
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;

  void hang_up() { line_ = nullptr; }

  /// Where it runs.
  loop_unit* loop() const { return loop_; }

  /// What the message of the same content does.
  void announce_in_turn(web_announce& req, const swarm_actor& swarm);

private:
  struct membership {
    info_hash swarm;
    peer_id id;
    uint64_t identity;
    uint32_t place = 0; ///< Where it has been announced: see swarm_places.
    peer_state state = peer_state::leecher;
  };

  bool receive(caf::mailbox_element& x) override;
  void on_end(const caf::error& reason) override;
  void on_announce(web_announce& req, const swarm_actor& swarm);
  void pass_on(web_announce& req, const swarm_actor& swarm);
  void review();
  void on_answer(web_answer& answer);
  void on_reply(const web_reply& reply);
  void on_offered(const web_offered& offered, const offerer_actor& from);
  void on_answered(const web_answered& answered);
  void on_evicted(const web_evicted& fact);

  std::vector<membership>::iterator find(const info_hash& swarm, const peer_id& id);

  /// @returns whether the client may stay or become a peer of that swarm under that id.
  bool join(const web_announce& req);
  void note(membership& m, const web_announce& req) const;
  void leave(const membership& from);
  std::string& blank_text();
  void say_text();

  web_desk& desk_;
  loop_unit* loop_; // For `enqueue`, which may be called when the desk is gone.
  web_line* line_;
  std::vector<membership> joined_;
  web_offers<offerer_actor> offers_;
};

peer_actor connect_peer(caf::actor_system& sys, web_desk& desk, web_line& line);

/// Its client announces. On the edge's thread only.
void announce_as(const peer_actor& who, web_announce req, const swarm_actor& swarm);

/// The peer leaves its swarms and ends soon; the line hears nothing of it any more. On the edge's
/// thread only.
void disconnect_peer(const peer_actor& who);

} // namespace shoal
