// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/web_home.hpp"

namespace shoal {

/// The clients of other nodes in swarms of this one: each has a stand-in, which swarms take for a
/// client of this node. Belongs to one thread.
///
/// Bounded: limits::relay_web_guests_max stand-ins, limits::ws_ids_per_socket_max memberships each,
/// limits::relay_web_due_bytes_max bytes that swarms have not dealt with. A membership ends with
/// its announces, as it does in the swarm.
class web_guests {
public:
  /// @param swarms, routes outlive it.
  web_guests(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
             const cluster::slot_routes& routes, const web_swarms& swarms)
      : system_{sys}, board_{std::move(board)}, routes_{routes}, swarms_{swarms} {}

  /// @param bytes of the message.
  void hear(cluster::node_number from, link_web_announce& x, size_t bytes, mono_time now);
  void hear(cluster::node_number from, const link_web_left& x);

  /// The node and its clients are gone, or have to say anew who is where.
  void cut(cluster::node_number node);

  void advance(mono_time now);

private:
  struct membership {
    info_hash swarm;
    uint64_t identity;
    mono_time until;
  };

  struct guest {
    visitor_actor stand_in;
    std::vector<membership> joined;
  };

  using guests = std::unordered_map<uint64_t, guest>;

  /// As owner, or as standby for one that is silent.
  bool serves(size_t slot, mono_time now) const;

  /// @returns null if there is no room for it.
  guest* enter(cluster::node_number from, const link_web_announce& x, mono_time now);
  void leave(const guest& who, const membership& from);
  void leave_all(const guest& who);

  caf::actor_system& system_;
  const std::shared_ptr<web_switchboard> board_;
  const cluster::slot_routes& routes_;
  const web_swarms& swarms_;
  std::unordered_map<cluster::node_number, guests> nodes_;
  size_t count_ = 0;
  mono_time swept_{};
};

} // namespace shoal
