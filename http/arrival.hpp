// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/net.hpp"
#include "http/connection_ticket.hpp"
#include "persistence/posix_file.hpp"

#include <string>

namespace shoal::http {

/// A connection that the lane which accepted it does not keep.
struct arrival {
  unique_fd socket;
  endpoint from;            ///< The socket's other end.
  endpoint peer;            ///< The same, or what a PROXY header says.
  connection_ticket ticket; ///< Of the edge that it stays with, if that is decided.
  std::string unread;       ///< What the client has sent.
  bool for_lane = false;    ///< As far as one can tell it brings announces.
  bool proxied = false;     ///< A PROXY header comes first.
  mono_time deadline;       ///< For the client's next move, in a lane.
};

/// Finds the edge that a connection stays with, on behalf of the lane that has accepted it: when a
/// few edges accept for all, connections that last have to be spread.
class arrivals {
public:
  virtual ~arrivals() = default;

  /// Whether another edge has fewer connections than this one.
  virtual bool better_elsewhere() const = 0;

  /// Whether no edge has room for more. @param transient connections that the book does not know.
  virtual bool full(size_t transient) const = 0;

  /// Takes it to the edge with the fewest connections; to this one if it has its ticket.
  virtual void place(arrival a) = 0;
};

} // namespace shoal::http
