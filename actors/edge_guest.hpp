// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

namespace shoal {

/// Something that lives on an edge's I/O thread beside its HTTP connections, such as UDP sockets.
/// All calls come on that thread; the guest goes before the thread's event loop does.
class edge_guest {
public:
  virtual ~edge_guest() = default;

  /// Once a second.
  virtual void tick(mono_time now) = 0;

  /// After the actors that this turn of the loop woke up have run: the time to send what they
  /// answered in one go.
  virtual void flush() = 0;

  /// Whether the turn has left something of what clients sent.
  virtual bool behind() { return false; }

  /// Steers what comes to its sockets and their like to the first edges. @returns false if the
  /// kernel does not do that.
  virtual bool steer(unsigned edges) {
    (void)edges;
    return true;
  }

  /// The node leaves: no new work.
  virtual void drain() = 0;
};

} // namespace shoal
