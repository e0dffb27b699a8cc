// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

namespace shoal {

/// What the WebSocket tracker counts beside what tracker_gate counts for all transports. One
/// instance per process; instruments are safe on any thread.
struct web_metrics {
  explicit web_metrics(metrics::registry& registry);

  metrics::gauge& sockets;
  metrics::counter& offers;          ///< Relayed.
  metrics::counter& answers;         ///< Relayed.
  metrics::counter& dropped_answers; ///< To offers that are not known, or not any more.
  metrics::counter& bad_messages;    ///< Texts that are no message of the protocol.
  metrics::counter& silent;          ///< Closed: the client is gone without a word.
  metrics::counter& broken;          ///< Closed: frames against the protocol, or too long.
  metrics::counter& misused;         ///< Closed: too many bad messages.
  metrics::counter& slow;            ///< Closed: the client does not read.
};

} // namespace shoal
