// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/task.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>

namespace shoal::http {

/// Lets so many tasks of one thread through at once; the others wait in order. Turns may outlive
/// it: tasks end with their context, after whatever they use.
class turnstile {
  struct state;

public:
  explicit turnstile(size_t turns) : state_{std::make_shared<state>(turns)} {}

  /// Somebody's turn, which ends with it.
  class turn {
  public:
    explicit turn(std::shared_ptr<state> of) : of_{std::move(of)} {}
    turn(turn&&) noexcept = default;
    turn& operator=(turn&&) = delete;
    ~turn() {
      if (of_)
        of_->leave();
    }

  private:
    std::shared_ptr<state> of_;
  };

  task<turn> enter(executor on) {
    auto at = state_;
    if (at->free > 0) {
      --at->free;
      co_return turn{std::move(at)};
    }
    auto called = std::make_shared<timer>(on, timer::time_point::max());
    at->waiting.push_back(called);
    boost::system::error_code ignored;
    co_await called->async_wait(asio::redirect_error(use_task, ignored));
    co_return turn{std::move(at)};
  }

private:
  using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, executor>;

  struct state {
    explicit state(size_t turns) : free{turns} {}

    /// The turn goes to who has waited longest, if there is anybody.
    void leave() {
      while (!waiting.empty()) {
        auto next = waiting.front().lock();
        waiting.pop_front();
        if (next) {
          next->cancel();
          return;
        }
      }
      ++free;
    }

    size_t free;
    std::deque<std::weak_ptr<timer>> waiting;
  };

  std::shared_ptr<state> state_;
};

} // namespace shoal::http
