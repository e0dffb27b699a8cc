// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/bring_file.hpp"

#include "http/object_relay.hpp"

namespace shoal::http {

task<result<void>> bring_file(exchange& ex, sha256_digest object) {
  if (!ex.far())
    co_return fail(ec::not_found, "object " + object.hex());
  auto found = co_await ex.far()->find(ex, object);
  if (!found)
    co_return tl::unexpected{found.error()};
  auto* pulls = &ex.node().shared_registry()->pulls();
  auto start = [pulls](auto handler, object_pull what) {
    auto home = asio::get_associated_executor(handler);
    auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
    // Called on another thread; whoever stops the edges has stopped that one before.
    auto then = [home, waiting](result<void> how) mutable {
      asio::post(home, [waiting = std::move(waiting), how = std::move(how)]() mutable {
        (*waiting)(std::move(how));
      });
    };
    pulls->pull(std::move(what), std::move(then));
  };
  object_pull what{object, std::move(found->places), true};
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(result<void>)>(start, use_task, std::move(what));
}

} // namespace shoal::http
