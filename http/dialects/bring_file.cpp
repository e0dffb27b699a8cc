// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/bring_file.hpp"

#include "http/object_relay.hpp"

namespace shoal::http {

namespace {

task<result<void>> pull(exchange& ex, object_pull what) {
  auto* pulls = &ex.node().shared_registry()->pulls();
  auto start = [pulls](auto handler, object_pull wanted) {
    auto home = asio::get_associated_executor(handler);
    auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
    // Called on another thread, which has answered everybody before the edges end.
    auto then = [home, waiting](result<void> how) mutable {
      asio::post(home, [waiting = std::move(waiting), how = std::move(how)]() mutable {
        (*waiting)(std::move(how));
      });
    };
    pulls->pull(std::move(wanted), std::move(then));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(result<void>)>(start, use_task, std::move(what));
}

} // namespace

task<result<void>> bring_file(exchange& ex, sha256_digest object) {
  if (!ex.far())
    co_return fail(ec::not_found, "object " + object.hex());
  auto* node = &ex.node();
  auto look = [node, object] { return node->objects().size(object).has_value(); };
  auto here = co_await ex.on_disk(look);
  if (here)
    co_return result<void>{};
  auto found = co_await ex.far()->find(ex, object);
  if (!found)
    co_return tl::unexpected{found.error()};
  object_pull what{object, std::move(found->places), true};
  auto pulled = co_await pull(ex, std::move(what));
  if (!pulled)
    co_return pulled;
  // It came as an upload does: a claim that is let go of makes it cached.
  auto claim = [node, object] { return node->claims().take({object}).map([](auto&&) {}); };
  co_return co_await ex.on_disk(claim);
}

} // namespace shoal::http
