// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_actor.hpp"
#include "cluster/link.hpp"
#include "cluster/slot_routes.hpp"
#include "core/metrics.hpp"
#include "protocol/link_web.hpp"

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <variant>

namespace shoal {

/// Another node says something.
struct web_heard {
  cluster::node_number from = cluster::nobody;
  std::string body;
};

/// A client of this node announces a swarm of another one.
struct web_asked {
  web_announce request;
  peer_actor who;
};

/// A client of this node is gone.
struct web_gone {
  uint64_t line = 0;
};

/// The link to a node is broken, or new.
struct web_cut {
  cluster::node_number node = cluster::nobody;
};

/// A client of this node offers a connection to one of another node.
struct web_offerer {
  offerer_actor who;
};

using web_parcel = std::variant<web_heard, web_asked, web_gone, web_cut, web_offerer>;

/// What relays count.
struct web_relay_metrics {
  metrics::counter sent;    ///< Announces to other nodes, again and again included.
  metrics::counter served;  ///< Announces of other nodes' clients that swarms here were given.
  metrics::counter resent;  ///< Announces that went to a second node.
  metrics::counter lost;    ///< Announces that nobody answered.
  metrics::counter dropped; ///< Messages without room, for no swarm of this node, or not decoded.
  metrics::gauge lines;     ///< Clients of this node of which others were told.
  metrics::gauge guests;    ///< Clients of other nodes that are in swarms here.
};

/// Where the parts of a web_relay meet: what is to be told to other nodes goes through it, what is
/// to be dealt with waits in it. Thread-safe; outlives the relay as long as somebody holds it.
class web_switchboard {
public:
  web_switchboard(cluster::links& between, cluster::slot_routes& routes)
      : between_{&between}, routes_{routes}, self_{routes.name_of(cluster::this_node)} {}

  const std::string& self() const { return self_; }
  const std::string& name_of(cluster::node_number node) const { return routes_.name_of(node); }
  cluster::node_number number_of(const std::string& node) { return routes_.number_of(node); }

  // -- to other nodes ----------------------------------------------------------------

  void tell(cluster::node_number to, const link_web& what);

  // -- to the relay ------------------------------------------------------------------

  /// @returns false if there is no room: limits::relay_web_inbox_bytes_max, for what clients and
  /// other nodes say.
  bool put(web_parcel x);

  std::vector<web_parcel> take();

  /// Until there is something, or `patience` has passed. @returns false when closed.
  bool wait(std::chrono::milliseconds patience);

  /// Nothing is told or taken any more.
  void close();

  web_relay_metrics counted;
  std::atomic<size_t> due_bytes{0}; ///< Given to swarms for guests, not yet replied to.

private:
  std::shared_mutex sending_;
  cluster::links* between_; // Null: closed.
  cluster::slot_routes& routes_;
  const std::string self_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<web_parcel> parcels_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

} // namespace shoal
