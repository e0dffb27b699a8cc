// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/bring_file.hpp"

#include "http/object_relay.hpp"

namespace shoal::http {

namespace {

/// Answers once, as soon as the pull or the time is over.
template <class Handler>
class pull_waiter {
public:
  using executor_type = asio::associated_executor_t<Handler>;

  pull_waiter(Handler handler, const executor_type& home)
      : handler_{std::move(handler)}, timer_{home} {}

  auto& timer() { return timer_; }

  /// On the executor.
  void answer(result<void> how) {
    if (!handler_)
      return;
    auto handler = std::move(*handler_);
    handler_.reset();
    timer_.cancel();
    handler(std::move(how));
  }

private:
  std::optional<Handler> handler_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, executor_type>
      timer_;
};

task<result<void>> pull(exchange& ex, object_pull what, std::optional<mono_time> until) {
  auto* pulls = &ex.node().shared_registry()->pulls();
  auto start = [pulls, until](auto handler, object_pull wanted) {
    auto home = asio::get_associated_executor(handler);
    auto waiting = std::make_shared<pull_waiter<decltype(handler)>>(std::move(handler), home);
    if (until) {
      waiting->timer().expires_at(*until);
      waiting->timer().async_wait([waiting](boost::system::error_code cancelled) {
        if (!cancelled)
          waiting->answer(fail(ec::busy, "files are on their way from other nodes: ask again"));
      });
    }
    // Called on another thread, which has answered everybody before the edges end.
    auto then = [home, waiting](result<void> how) mutable {
      asio::post(home, [waiting = std::move(waiting), how = std::move(how)]() mutable {
        waiting->answer(std::move(how));
      });
    };
    pulls->pull(std::move(wanted), std::move(then));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(result<void>)>(start, use_task, std::move(what));
}

} // namespace

task<result<void>> bring_file(exchange& ex, sha256_digest object, std::optional<mono_time> until) {
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
  auto pulled = co_await pull(ex, std::move(what), until);
  if (!pulled)
    co_return pulled;
  // It came as an upload does: a claim that is let go of makes it cached.
  auto claim = [node, object] { return node->claims().take({object}).map([](auto&&) {}); };
  co_return co_await ex.on_disk(claim);
}

} // namespace shoal::http
