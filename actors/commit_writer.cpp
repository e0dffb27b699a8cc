// SPDX-License-Identifier: Apache-2.0
#include "actors/commit_writer.hpp"

#include "actors/error.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"

namespace shoal {

commit_writer::commit_writer(caf::actor_config& cfg, lmdb_store* store, metrics::registry* metrics)
    : commit_writer_actor::base(cfg), store_{*store},
      latency_{metrics->add_histogram("shoal_commit_seconds",
                                      "Time of one commit to the store, fsync included")},
      requests_{metrics->add_counter("shoal_commit_requests_total", "Writes asked of the store")},
      failures_{metrics->add_counter("shoal_commit_failures_total",
                                     "Writes that the store refused for want of space or health")} {
}

commit_writer::promise commit_writer::on_commit(commit_request& req) {
  auto answer = make_response_promise<promise>();
  requests_.add();
  if (waiting_.size() >= limits::commit_queue_max) {
    answer.deliver(to_caf({ec::busy, "the commit queue is full"}));
    return answer;
  }
  // The flush stands behind everything that is in the mailbox already, so all of that shares its
  // fsync: a busy store makes its own batches.
  if (waiting_.empty())
    send(this, atom::flush::value);
  waiting_.push_back(std::move(req));
  promises_.push_back(answer);
  return answer;
}

void commit_writer::on_flush() {
  std::span<const commit_request> rest{waiting_};
  size_t next = 0;
  while (!rest.empty()) {
    auto batch = rest.first(std::min(rest.size(), limits::commit_batch_max));
    rest = rest.subspan(batch.size());
    auto start = mono_now();
    auto results = store_.commit(batch);
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(mono_now() - start);
    latency_.observe_us(static_cast<uint64_t>(took.count()));
    for (auto& outcome : results) {
      auto& answer = promises_[next++];
      if (outcome) {
        answer.deliver(*outcome);
        continue;
      }
      if (outcome.error().code != ec::conflict)
        failures_.add();
      answer.deliver(to_caf(outcome.error()));
    }
    if (!results.empty() && !results.front() && !is_client_error(results.front().error().code))
      log::error("commit_writer", "cannot write error=\"{}\"", to_string(results.front().error()));
  }
  waiting_.clear();
  promises_.clear();
}

commit_writer::behavior_type commit_writer::make_behavior() {
  return {
      [this](commit_request& req) { return on_commit(req); },
      [this](atom::flush) { on_flush(); },
  };
}

} // namespace shoal
