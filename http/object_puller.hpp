// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/object_pulls.hpp"
#include "http/object_source.hpp"
#include "persistence/object_store.hpp"

#include <boost/asio/steady_timer.hpp>

#include <mutex>
#include <thread>

namespace shoal::http {

/// Brings whole objects from other nodes' bulk ports, for copies and repairs. Has a thread of its
/// own, which hashes and writes: no edge waits for it. When a node fails in the middle the next one
/// goes on from there. Lost when it dies: what is under way, each an error to whoever wants it.
class object_puller {
public:
  struct meters {
    explicit meters(metrics::registry& registry);

    metrics::counter& bytes;
    metrics::counter& objects;
    metrics::counter& failures;
  };

  /// @param bulk, objects, pulls outlive this. @param bytes_per_second of all that is not urgent;
  /// 0: no limit.
  object_puller(const bulk_side& bulk, object_store& objects, object_pulls& pulls,
                uint64_t bytes_per_second, metrics::registry& registry);
  ~object_puller();

  void start();

  /// Ends the thread. What is under way is told ec::unavailable.
  void stop();

private:
  struct job {
    object_pull what;
    std::vector<object_pulls::callback> then; ///< Of all who want it, under `mutex_`.
  };
  using job_ptr = std::shared_ptr<job>;

  void take(object_pull what, object_pulls::callback then);
  task<> run(job_ptr j);
  task<result<void>> fetch(const object_pull& what);
  task<result<void>> fill(object_files::upload& to, const object_pull& what,
                          const object_place& from);
  task<> throttle(uint64_t bytes);
  task<> sweep();

  const bulk_side& bulk_;
  object_store& objects_;
  object_pulls& pulls_;
  uint64_t bytes_per_second_;
  meters meters_;
  source_set sources_; // It, and what follows, outlives the tasks, which end with the context.
  std::mutex mutex_;
  std::unordered_set<job_ptr> jobs_; ///< From when they are asked for until all have an answer.
  mono_time free_at_{};              ///< When the rate allows more.
  asio::io_context io_{1};
  std::optional<asio::executor_work_guard<executor>> work_;
  std::thread thread_;
};

} // namespace shoal::http
