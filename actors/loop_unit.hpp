// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace shoal {

/// The execution unit of one I/O thread. An actor that code of this thread wakes up is resumed by
/// this thread, so an announce crosses from the socket to its swarm and back without changing
/// threads. Other threads may hand in actors too; those are resumed here as well.
class loop_unit : public caf::execution_unit {
public:
  /// @param wake makes the owning thread call `run` soon; called from any thread, never after the
  /// destructor. It must not call back into the loop.
  loop_unit(caf::actor_system& sys, std::function<void()> wake);

  /// Leaves what is runnable to the system's scheduler.
  ~loop_unit() override;

  /// Declares the calling thread to be the owner.
  void bind_to_this_thread() { owner_.store(std::this_thread::get_id()); }

  /// Queues an actor that became runnable. Safe from any thread.
  void exec_later(caf::resumable* ptr) override;

  /// Resumes runnable actors until there are none left or a fair share has been done.
  /// @returns whether work remains; the caller must come back soon then.
  bool run();

private:
  static constexpr size_t rounds_max = 16;
  static constexpr size_t throughput = 256; // Messages an actor may handle in one go.

  void take_foreign();

  std::function<void()> wake_;
  std::atomic<std::thread::id> owner_;
  std::vector<caf::resumable*> ready_;
  std::vector<caf::resumable*> current_;
  std::mutex foreign_mutex_;
  std::vector<caf::resumable*> foreign_;
};

} // namespace shoal
