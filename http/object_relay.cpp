// SPDX-License-Identifier: Apache-2.0
#include "http/object_relay.hpp"

#include "core/log.hpp"
#include "http/lost_streams.hpp"

#include <algorithm>

namespace shoal::http {

object_relay::object_relay(asio::io_context& io, source_set& all, const services& srv)
    : srv_{srv}, pool_{io, all, srv} {}

// -- who has it ---------------------------------------------------------------------------

task<result<object_places>> object_relay::find(exchange& ex, sha256_digest object,
                                               bool anew) const {
  auto& finder = srv_.node.shared_registry()->finder();
  find_object question{object, anew};
  auto found = co_await ex.ask<object_places>(finder, std::move(question));
  co_return found;
}

task<result<source_ptr>> object_relay::open(exchange& ex, object_part part, bool anew) {
  std::vector<std::string> failed; // Addresses: a node that was started again has another one.
  error why;
  for (;;) {
    auto found = co_await find(ex, part.object, anew);
    if (!found)
      co_return tl::unexpected{failed.empty() ? found.error() : why};
    for (auto& place : found->places) {
      auto tried = std::find(failed.begin(), failed.end(), place.address) != failed.end();
      if (tried || place.size_bytes != part.size_bytes)
        continue;
      auto request = request_for(part);
      auto reached = co_await pool_.reach(place, std::move(request));
      if (reached.source)
        co_return result<source_ptr>{std::move(reached.source)};
      why = reached.why;
      log::warn("bulk", "cannot read object={} node={} error=\"{}\"", part.object.brief(),
                place.node, to_string(why));
      failed.push_back(place.address);
    }
    if (std::exchange(anew, true))
      break;
  }
  // Those that say they have it have another size.
  if (failed.empty())
    why = {ec::corrupt, "object " + part.object.hex()};
  co_return tl::unexpected{why};
}

// -- to the client ------------------------------------------------------------------------

/// @param source of the part, which may be lost. @returns whether the client takes more.
task<result<bool>> object_relay::stream_rest(exchange& ex, source_ptr source, object_part part,
                                             bool going) {
  std::unique_ptr<char[]> buffer{new char[limits::object_relay_buffer_bytes]};
  std::span<char> room{buffer.get(), limits::object_relay_buffer_bytes};
  relayed_part left{part.offset, part.length, going};
  lost_streams lost;
  for (;;) {
    auto poured = co_await pour(ex, *source, left, room, srv_.bulk->bytes);
    if (poured)
      break;
    log::warn("bulk", "loses a node in the middle object={} error=\"{}\"", part.object.brief(),
              to_string(poured.error()));
    if (!lost.may_open_another(left.offset != part.offset))
      co_return tl::unexpected{poured.error()};
    part.offset = left.offset;
    part.length = left.length;
    auto next = co_await open(ex, part, true);
    if (!next)
      co_return tl::unexpected{next.error()};
    source = std::move(*next);
    srv_.bulk->switches.add();
  }
  if (left.going)
    pool_.keep(std::move(source));
  co_return left.going;
}

task<result<void>> object_relay::stream_through(exchange& ex, response& head, object_part part) {
  auto source = co_await open(ex, part, false);
  if (!source)
    co_return tl::unexpected{source.error()};
  auto going = co_await ex.send_head(head, part.length);
  auto sent = co_await stream_rest(ex, std::move(*source), part, going);
  co_return sent.map([](bool) {});
}

/// The first part is looked for before the head is sent.
task<result<void>> object_relay::stream_parts(exchange& ex, response& head, object_part part,
                                              const byte_parts& several) {
  auto going = true;
  for (size_t i = 0; going && i < several.ranges.size(); ++i) {
    part.offset = several.ranges[i].first;
    part.length = several.ranges[i].length();
    auto source = co_await open(ex, part, false);
    if (!source)
      co_return tl::unexpected{source.error()};
    if (i == 0)
      going = co_await ex.send_head(head, several.size_bytes);
    if (going)
      going = co_await ex.send_piece(several.heads[i]);
    auto sent = co_await stream_rest(ex, std::move(*source), part, going);
    if (!sent)
      co_return tl::unexpected{sent.error()};
    going = *sent;
  }
  if (going)
    co_await ex.send_piece(several.tail);
  co_return result<void>{};
}

task<result<std::string>> object_relay::read(exchange& ex, object_part part) {
  auto seat = srv_.bulk->enter();
  if (!seat)
    co_return fail(ec::busy, "too many objects come from other nodes");
  auto source = co_await open(ex, part, false);
  std::string bytes(part.length, '\0');
  std::span<char> left{bytes};
  lost_streams lost;
  while (source && !left.empty()) {
    auto n = co_await (*source)->read_some(left);
    if (n) {
      left = left.subspan(*n);
      srv_.bulk->bytes.add(*n);
      continue;
    }
    log::warn("bulk", "loses a node in the middle object={} error=\"{}\"", part.object.brief(),
              to_string(n.error()));
    auto brought_bytes = left.size() != part.length;
    part.offset += part.length - left.size();
    part.length = left.size();
    if (lost.may_open_another(brought_bytes))
      source = co_await open(ex, part, true);
    else
      source = tl::unexpected{n.error()};
    srv_.bulk->switches.add();
  }
  if (!source) {
    srv_.bulk->count_failure(source.error());
    co_return tl::unexpected{source.error()};
  }
  pool_.keep(std::move(*source));
  co_return bytes;
}

task<> object_relay::send(exchange& ex, response head, object_part part,
                          std::optional<byte_parts> several) {
  auto seat = srv_.bulk->enter();
  result<void> sent = fail(ec::busy, "too many objects come from other nodes");
  if (seat && (ex.verb() == method::head || part.length == 0)) {
    auto found = co_await find(ex, part.object);
    sent = found.map([](auto&) {});
    if (found)
      co_await ex.send_head(head, part.length);
  } else if (seat && several) {
    sent = co_await stream_parts(ex, head, part, *several);
  } else if (seat) {
    sent = co_await stream_through(ex, head, part);
  }
  if (sent)
    co_return;
  srv_.bulk->count_failure(sent.error());
  if (sent.error().code == ec::not_found && part.is_promised)
    sent.error() = {ec::unavailable, "no node that answers has the object"};
  if (ex.answered()) {
    ex.cut_short();
    co_return;
  }
  log::warn("bulk", "cannot serve object={} error=\"{}\"", part.object.brief(),
            to_string(sent.error()));
  co_await ex.send(json_error(sent.error()));
}

} // namespace shoal::http
