// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/task.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <type_traits>

namespace shoal::http {

/// Threads for what may block or takes long: disk reads, hashing, parsing of big bodies. Edge
/// threads answer announces meanwhile. Each exchange waits for its own work, so the queue is no
/// longer than the number of connections.
class disk_pool : public asio::thread_pool {
public:
  using asio::thread_pool::thread_pool;

  /// Work that was asked for and has not ended.
  int64_t jobs() const { return jobs_.load(std::memory_order_relaxed); }
  void count(int64_t change) { jobs_.fetch_add(change, std::memory_order_relaxed); }

private:
  std::atomic<int64_t> jobs_{0};
};

/// Runs `work` on the pool and resumes the calling task on its own thread with what it returned.
/// `work` must not throw.
template <class Work, class Result = std::invoke_result_t<Work>>
task<Result> run_on(disk_pool& pool, Work work) {
  auto start = [&pool](auto handler, Work job) {
    auto home = asio::get_associated_executor(handler);
    pool.count(1);
    asio::post(pool, [&pool, home, handler = std::move(handler), job = std::move(job)]() mutable {
      auto made = job();
      pool.count(-1);
      asio::post(home, [handler = std::move(handler), value = std::move(made)]() mutable {
        handler(std::move(value));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void(Result)>(
      start, use_task, std::move(work));
}

} // namespace shoal::http
