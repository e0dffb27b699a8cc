// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace shoal {

/// Threads for a computation that spreads over the cores. Its owner bounds what it posts (see
/// `buffer_pool`); the destructor finishes everything that was posted.
class work_pool {
public:
  using task = std::function<void()>;

  explicit work_pool(unsigned threads);
  ~work_pool();

  work_pool(const work_pool&) = delete;
  work_pool& operator=(const work_pool&) = delete;

  /// @param job must not throw.
  void post(task job);

  /// Waits until every task that was posted, also by tasks, is finished.
  void wait_idle();

private:
  void run();

  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable is_idle_;
  std::deque<task> tasks_;
  size_t busy_ = 0;
  bool leaving_ = false;
  std::vector<std::thread> threads_;
};

/// Tasks that must run one after the other, in the order in which they were posted, while other
/// tasks of the pool run beside them. Lives until its last task has run.
class work_chain : public std::enable_shared_from_this<work_chain> {
public:
  explicit work_chain(work_pool& pool) : pool_(pool) {}

  void post(work_pool::task job);

private:
  void run_one();

  work_pool& pool_;
  std::mutex mutex_;
  std::deque<work_pool::task> tasks_; // The front one is running or posted.
};

/// A fixed number of equal buffers, allocated when first needed. Whoever takes one waits until
/// the last user of another has let go of it: this is what bounds memory. Outlives its buffers.
class buffer_pool {
public:
  using buffer = std::shared_ptr<uint8_t[]>;

  buffer_pool(size_t buffer_bytes, size_t count) : bytes_(buffer_bytes), left_(count) {}

  buffer take();

private:
  void give_back(std::unique_ptr<uint8_t[]> memory);

  std::mutex mutex_;
  std::condition_variable is_free_;
  size_t bytes_;
  size_t left_; // Not allocated yet.
  std::vector<std::unique_ptr<uint8_t[]>> free_;
};

} // namespace shoal
