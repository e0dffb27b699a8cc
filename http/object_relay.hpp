// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/source_pool.hpp"
#include "protocol/byte_range.hpp"

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
  /// @param several ranges of it that are sent instead.
  task<> send(exchange& ex, response head, object_part part,
              std::optional<byte_parts> several = std::nullopt);

  /// Reads a part into memory. @param part 1..2 * limits::piece_length_bytes_max bytes.
  /// @errors as `find`, ec::busy (too many streams), and why nodes do not give it.
  task<result<std::string>> read(exchange& ex, object_part part);

  /// Asks which other nodes have an object. @errors as object_finder_actor.
  task<result<object_places>> find(exchange& ex, sha256_digest object, bool anew = false) const;

  source_pool& pool() { return pool_; }

private:
  task<result<source_ptr>> open(exchange& ex, object_part part, bool anew);
  task<result<void>> stream_through(exchange& ex, response& head, object_part part);
  task<result<void>> stream_parts(exchange& ex, response& head, object_part part,
                                  const byte_parts& several);
  task<result<bool>> stream_rest(exchange& ex, source_ptr source, object_part part, bool going);

  const services& srv_;
  source_pool pool_;
};

} // namespace shoal::http
