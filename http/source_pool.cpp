// SPDX-License-Identifier: Apache-2.0
#include "http/source_pool.hpp"

#include "http/bulk_side.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

/// Connections that are made at the same time; a handshake takes both sides about a millisecond.
constexpr size_t connecting_max = 8;

} // namespace

source_pool::source_pool(asio::io_context& io, source_set& all, const services& srv)
    : io_{io}, all_{all}, srv_{srv}, door_{connecting_max} {}

source_ptr source_pool::take_idle(const object_place& place) {
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

void source_pool::keep(source_ptr source) {
  if (!source->reusable())
    return;
  if (idle_.size() >= limits::object_sources_idle_max)
    idle_.erase(idle_.begin());
  idle_.push_back({std::move(source), mono_now()});
}

void source_pool::tick(mono_time now) {
  std::erase_if(idle_, [&](auto& x) { return now - x.since > defaults::object_source_idle; });
  for (auto* source : all_)
    if (source->overdue(now))
      source->cut();
}

void source_pool::cut() {
  idle_.clear();
  for (auto* source : all_)
    source->cut();
}

task<reached_source> source_pool::reach(object_place place, bulk_request what) {
  if (auto source = take_idle(place)) {
    auto asked = co_await source->ask(what);
    if (asked)
      co_return reached_source{std::move(source), {ec::unavailable, {}}, false};
    if (source->has_refused())
      co_return reached_source{nullptr, asked.error(), true};
    // It may have been closed since.
  }
  auto reached = co_await connect_and_ask(std::move(place), std::move(what));
  co_return reached;
}

task<reached_source> source_pool::connect_and_ask(object_place place, bulk_request what) {
  auto source = std::make_unique<object_source>(io_, all_, place);
  {
    auto turn = co_await door_.enter(io_.get_executor());
    auto connected = co_await source->connect(srv_.bulk->context());
    if (!connected)
      co_return reached_source{nullptr, connected.error(), false};
  }
  auto asked = co_await source->ask(std::move(what));
  if (!asked)
    co_return reached_source{nullptr, asked.error(), source->has_refused()};
  co_return reached_source{std::move(source), {ec::unavailable, {}}, false};
}

task<result<void>> pour(exchange& ex, object_source& from, relayed_part& part,
                        std::span<char> buffer, metrics::counter& bytes) {
  while (part.going && part.length > 0) {
    auto n = co_await from.read_some(buffer);
    if (!n)
      co_return tl::unexpected{n.error()};
    std::string_view piece{buffer.data(), *n};
    part.going = co_await ex.send_piece(piece);
    part.offset += *n;
    part.length -= *n;
    bytes.add(*n);
  }
  co_return result<void>{};
}

} // namespace shoal::http
