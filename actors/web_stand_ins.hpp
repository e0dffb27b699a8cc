// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/lean_actor.hpp"
#include "actors/web_switchboard.hpp"

namespace shoal {

/// Stands for a client of another node in swarms of this one: passes on what it is told. Spawned by
/// the WEB_RELAY, held by it and by swarms. Lost when it dies: nothing that an announce of the
/// client does not bring back.
class web_guest final : public lean_actor {
public:
  web_guest(caf::actor_config& cfg, std::shared_ptr<web_switchboard> board,
            cluster::node_number node, uint64_t line);

  cluster::node_number node() const { return node_; }
  uint64_t line() const { return line_; }

  /// A swarm is given so many bytes of the client. Any thread.
  void owe(size_t bytes);

private:
  bool receive(caf::mailbox_element& x) override;
  void on_end(const caf::error& reason) override;
  void on_reply(const web_reply& reply);
  void on_offered(web_offered& offered, const offerer_actor& from);

  /// A reply says that what came before has been dealt with.
  void settle_debt();

  const std::shared_ptr<web_switchboard> board_;
  const cluster::node_number node_;
  const uint64_t line_;
  std::atomic<size_t> due_bytes_{0};
};

visitor_actor spawn_guest(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
                          cluster::node_number node, uint64_t line);

/// @returns the actor behind a handle of `spawn_guest`.
web_guest& guest_behind(const visitor_actor& handle);

/// Stands for a client of another node that has offered a connection to one of this node: passes
/// the answer on. There is one for each offer, and it goes with it.
offerer_actor spawn_far_offerer(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
                                cluster::node_number node, uint64_t line);

} // namespace shoal
