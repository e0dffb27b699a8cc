// SPDX-License-Identifier: Apache-2.0
#include "persistence/work_pool.hpp"

namespace shoal {

// -- work_pool ------------------------------------------------------------------

work_pool::work_pool(unsigned threads) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this] { run(); });
}

work_pool::~work_pool() {
  wait_idle();
  {
    std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  has_work_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

void work_pool::post(task job) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(job));
  }
  has_work_.notify_one();
}

void work_pool::wait_idle() {
  std::unique_lock lock(mutex_);
  is_idle_.wait(lock, [this] { return tasks_.empty() && busy_ == 0; });
}

void work_pool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_work_.wait(lock, [this] { return leaving_ || !tasks_.empty(); });
    if (tasks_.empty())
      return;
    auto job = std::move(tasks_.front());
    tasks_.pop_front();
    ++busy_;
    lock.unlock();
    job();
    job = nullptr; // Lets go of buffers before anybody hears that we are idle.
    lock.lock();
    if (--busy_ == 0 && tasks_.empty())
      is_idle_.notify_all();
  }
}

// -- work_chain -----------------------------------------------------------------

void work_chain::post(work_pool::task job) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(job));
    if (tasks_.size() > 1)
      return;
  }
  pool_.post([self = shared_from_this()] { self->run_one(); });
}

void work_chain::run_one() {
  std::unique_lock lock(mutex_);
  auto job = std::move(tasks_.front());
  lock.unlock();
  job();
  job = nullptr;
  lock.lock();
  tasks_.pop_front();
  // One task at a time, so that a long chain does not starve the tasks beside it.
  if (!tasks_.empty())
    pool_.post([self = shared_from_this()] { self->run_one(); });
}

// -- buffer_pool ----------------------------------------------------------------

buffer_pool::buffer buffer_pool::take() {
  std::unique_ptr<uint8_t[]> memory;
  {
    std::unique_lock lock(mutex_);
    is_free_.wait(lock, [this] { return left_ > 0 || !free_.empty(); });
    if (!free_.empty()) {
      memory = std::move(free_.back());
      free_.pop_back();
    } else {
      --left_;
    }
  }
  if (!memory)
    memory = std::make_unique_for_overwrite<uint8_t[]>(bytes_);
  auto* raw = memory.release();
  return {raw, [this](uint8_t* p) { give_back(std::unique_ptr<uint8_t[]>(p)); }};
}

void buffer_pool::give_back(std::unique_ptr<uint8_t[]> memory) {
  {
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }
  is_free_.notify_one();
}

} // namespace shoal
