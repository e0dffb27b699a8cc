// SPDX-License-Identifier: Apache-2.0
#include "actors/loop_unit.hpp"

#include <caf/scheduler/abstract_coordinator.hpp>

namespace shoal {

loop_unit::loop_unit(caf::actor_system& sys, std::function<void()> wake)
    : caf::execution_unit(&sys), wake_{std::move(wake)} {}

loop_unit::~loop_unit() {
  take_foreign();
  // An actor that is scheduled and never resumed would hang for good: no later message schedules
  // it again.
  for (auto* ptr : ready_)
    system().scheduler().enqueue(ptr);
}

void loop_unit::exec_later(caf::resumable* ptr) {
  if (std::this_thread::get_id() == owner_.load(std::memory_order_relaxed)) {
    ready_.push_back(ptr);
    return;
  }
  // Waking under the lock keeps the destructor out until this thread needs the loop no more.
  std::lock_guard guard{foreign_mutex_};
  foreign_.push_back(ptr);
  if (foreign_.size() == 1)
    wake_();
}

bool loop_unit::run() {
  take_foreign();
  for (size_t round = 0; round < rounds_max && !ready_.empty(); ++round) {
    current_.swap(ready_);
    for (auto* ptr : current_) {
      switch (ptr->resume(this, throughput)) {
      case caf::resumable::resume_later:
        ready_.push_back(ptr);
        break;
      case caf::resumable::shutdown_execution_unit:
        break;
      default:
        caf::intrusive_ptr_release(ptr);
      }
    }
    current_.clear();
  }
  return !ready_.empty();
}

void loop_unit::take_foreign() {
  std::lock_guard guard{foreign_mutex_};
  ready_.insert(ready_.end(), foreign_.begin(), foreign_.end());
  foreign_.clear();
}

} // namespace shoal
