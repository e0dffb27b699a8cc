// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"
#include "http/object_source.hpp"

namespace shoal::http {

/// Streams objects that other nodes have through to clients, with one buffer for each whatever the
/// object's size: what the client does not take is not read. When a node fails in the middle, the
/// next one goes on from there and the client notices nothing. One per edge, on its thread.
class object_relay {
public:
  /// @param all outlives the tasks that hold sources.
  object_relay(asio::io_context& io, source_set& all, const services& srv);

  /// Answers with part of an object that is not here. Nowhere: 404. Maybe at a node that does not
  /// answer, or too many streams: 503.
  task<> send(exchange& ex, response head, object_part part);

  /// Asks which other nodes have an object. @errors as object_finder_actor.
  task<result<object_places>> find(exchange& ex, sha256_digest object, bool anew = false) const;

  /// Cuts what is overdue, closes what nobody uses.
  void tick(mono_time now);

  /// Cuts everything: the edge ends.
  void cut();

private:
  using source_ptr = std::unique_ptr<object_source>;

  struct idle_source {
    source_ptr source;
    mono_time since;
  };

  task<result<source_ptr>> open(exchange& ex, object_part part, bool anew);
  task<result<source_ptr>> reach(const object_place& place, object_part part);
  task<result<void>> stream_through(exchange& ex, response& head, object_part part);
  source_ptr take_idle(const object_place& place);
  void keep(source_ptr source);

  asio::io_context& io_;
  source_set& all_;
  const services& srv_;
  std::vector<idle_source> idle_; ///< The one used last at the end.
};

} // namespace shoal::http
