// SPDX-License-Identifier: Apache-2.0
#include "http/object_relay.hpp"

#include "core/log.hpp"

#include <algorithm>

namespace shoal::http {

object_relay::object_relay(asio::io_context& io, source_set& all, const services& srv)
    : io_{io}, all_{all}, srv_{srv} {}

// -- connections to other nodes -----------------------------------------------------------

object_relay::source_ptr object_relay::take_idle(const object_place& place) {
  auto fits = [&](auto& x) {
    return x.source->address() == place.address && x.source->node() == place.node;
  };
  auto found = std::find_if(idle_.rbegin(), idle_.rend(), fits);
  if (found == idle_.rend())
    return nullptr;
  auto source = std::move(found->source);
  idle_.erase(std::next(found).base());
  return source;
}

void object_relay::keep(source_ptr source) {
  if (!source->reusable())
    return;
  if (idle_.size() >= limits::object_sources_idle_max)
    idle_.erase(idle_.begin());
  idle_.push_back({std::move(source), mono_now()});
}

void object_relay::tick(mono_time now) {
  std::erase_if(idle_, [&](auto& x) { return now - x.since > defaults::object_source_idle; });
  for (auto* source : all_)
    if (source->overdue(now))
      source->cut();
}

void object_relay::cut() {
  idle_.clear();
  for (auto* source : all_)
    source->cut();
}

// -- who has it ---------------------------------------------------------------------------

task<result<object_places>> object_relay::find(exchange& ex, sha256_digest object,
                                               bool anew) const {
  auto& finder = srv_.node.shared_registry()->finder();
  find_object question{object, anew};
  auto found = co_await ex.ask<object_places>(finder, std::move(question));
  co_return found;
}

task<result<object_relay::source_ptr>> object_relay::reach(const object_place& place,
                                                           object_part part) {
  if (auto source = take_idle(place)) {
    auto asked = co_await source->ask(part);
    if (asked)
      co_return result<source_ptr>{std::move(source)};
    if (asked.error().code == ec::not_found)
      co_return tl::unexpected{asked.error()};
    // It may have been closed since.
  }
  auto source = std::make_unique<object_source>(io_, all_, place);
  auto connected = co_await source->connect(srv_.bulk->context());
  if (!connected)
    co_return tl::unexpected{connected.error()};
  auto asked = co_await source->ask(part);
  if (!asked)
    co_return tl::unexpected{asked.error()};
  co_return result<source_ptr>{std::move(source)};
}

task<result<object_relay::source_ptr>> object_relay::open(exchange& ex, object_part part,
                                                          bool anew) {
  std::vector<std::string> failed;
  error why;
  for (;;) {
    auto found = co_await find(ex, part.object, anew);
    if (!found)
      co_return tl::unexpected{failed.empty() ? found.error() : why};
    for (auto& place : found->places) {
      auto tried = std::find(failed.begin(), failed.end(), place.node) != failed.end();
      if (tried || place.size_bytes != part.size_bytes)
        continue;
      auto source = co_await reach(place, part);
      if (source)
        co_return source;
      why = source.error();
      log::warn("bulk", "cannot read object={} node={} error=\"{}\"", part.object.brief(),
                place.node, to_string(why));
      failed.push_back(place.node);
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

task<result<void>> object_relay::stream_through(exchange& ex, response& head, object_part part) {
  auto source = co_await open(ex, part, false);
  if (!source)
    co_return tl::unexpected{source.error()};
  std::unique_ptr<char[]> buffer{new char[limits::object_relay_buffer_bytes]};
  std::span<char> room{buffer.get(), limits::object_relay_buffer_bytes};
  auto going = co_await ex.send_head(head, part.length);
  while (going && part.length > 0) {
    auto n = co_await (*source)->read_some(room);
    if (!n) {
      log::warn("bulk", "loses a node in the middle object={} error=\"{}\"", part.object.brief(),
                to_string(n.error()));
      source = co_await open(ex, part, true);
      if (!source)
        co_return tl::unexpected{source.error()};
      srv_.bulk->switches.add();
      continue;
    }
    std::string_view piece{room.data(), *n};
    going = co_await ex.send_piece(piece);
    part.offset += *n;
    part.length -= *n;
    srv_.bulk->bytes.add(*n);
  }
  if (going)
    keep(std::move(*source));
  co_return result<void>{};
}

task<> object_relay::send(exchange& ex, response head, object_part part) {
  auto seat = srv_.bulk->enter();
  result<void> sent = fail(ec::busy, "too many objects come from other nodes");
  if (seat && (ex.verb() == method::head || part.length == 0)) {
    auto found = co_await find(ex, part.object);
    sent = found.map([](auto&) {});
    if (found)
      co_await ex.send_head(head, part.length);
  } else if (seat) {
    sent = co_await stream_through(ex, head, part);
  }
  if (sent)
    co_return;
  srv_.bulk->count_failure(sent.error());
  if (ex.answered()) {
    ex.cut_short();
    co_return;
  }
  log::warn("bulk", "cannot serve object={} error=\"{}\"", part.object.brief(),
            to_string(sent.error()));
  co_await ex.send(json_error(sent.error()));
}

} // namespace shoal::http
