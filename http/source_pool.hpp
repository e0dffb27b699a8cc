// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"
#include "http/object_source.hpp"
#include "http/turnstile.hpp"

namespace shoal::http {

using source_ptr = std::unique_ptr<object_source>;

/// A node that was asked for bytes.
struct reached_source {
  source_ptr source; ///< Null: it does not give them.
  error why{ec::unavailable, {}};
  bool refused = false; ///< It says so itself, and why; else it cannot be reached.
};

/// An edge's connections to other nodes' bulk ports, those that were used a moment ago at hand. On
/// the edge's thread.
class source_pool {
public:
  /// @param all outlives the tasks that hold sources.
  source_pool(asio::io_context& io, source_set& all, const services& srv);

  /// Asks a node for bytes.
  task<reached_source> reach(object_place place, bulk_request what);

  /// Takes back what can be used again.
  void keep(source_ptr source);

  /// Cuts what is overdue, closes what nobody uses.
  void tick(mono_time now);

  /// Cuts everything: the edge ends.
  void cut();

private:
  struct idle_source {
    source_ptr source;
    mono_time since;
  };

  source_ptr take_idle(const object_place& place);
  task<reached_source> connect_and_ask(object_place place, bulk_request what);

  asio::io_context& io_;
  source_set& all_;
  const services& srv_;
  turnstile door_; ///< A crowd that comes at once would wait for too long at the other node's.
  std::vector<idle_source> idle_; ///< The one used last at the end.
};

/// How far a stream from other nodes to a client is.
struct relayed_part {
  uint64_t offset = 0;
  uint64_t length = 0; ///< Still to be sent.
  bool going = true;   ///< The client wants more.
};

/// Sends what a source gives to the client, who has the head already. Reads no faster than the
/// client does. @param bytes counts them. @errors of the source: the rest may come from another.
task<result<void>> pour(exchange& ex, object_source& from, relayed_part& part,
                        std::span<char> buffer, metrics::counter& bytes);

} // namespace shoal::http
