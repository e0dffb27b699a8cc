// SPDX-License-Identifier: Apache-2.0
#include "actors/commit_writer.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"

namespace shoal {

commit_writer::commit_writer(caf::actor_config& cfg, lmdb_store* store, metrics::registry* metrics)
    : commit_writer_actor::base(cfg), latency_{metrics->add_histogram(
                                          "shoal_commit_seconds",
                                          "Time of one commit to the store, fsync included")},
      requests_{metrics->add_counter("shoal_commit_requests_total", "Writes asked of the store")},
      failures_{metrics->add_counter("shoal_commit_failures_total",
                                     "Writes that the store refused for want of space or health")},
      // The flush stands behind everything that is in the mailbox already, so all of that shares
      // its fsync: a busy store makes its own batches.
      store_{*store,
             {[this] { send(this, atom::flush::value); },
              [this](auto took, auto outcomes) { on_written(took, outcomes); }}} {}

commit_writer::promise commit_writer::on_commit(commit_request& req) {
  auto answer = make_response_promise<promise>();
  requests_.add();
  store_.commit({std::move(req), {}, {}, {}}, [answer](result<uint64_t> outcome) mutable {
    if (outcome)
      answer.deliver(*outcome);
    else
      answer.deliver(to_caf(outcome.error()));
  });
  return answer;
}

void commit_writer::on_written(std::chrono::nanoseconds took,
                               std::span<const result<uint64_t>> outcomes) {
  auto us = std::chrono::duration_cast<std::chrono::microseconds>(took);
  latency_.observe_us(static_cast<uint64_t>(us.count()));
  for (auto& outcome : outcomes)
    if (!outcome && outcome.error().code != ec::conflict)
      failures_.add();
  if (!outcomes.empty() && !outcomes.front() && !is_client_error(outcomes.front().error().code))
    log::error("commit_writer", "cannot write error=\"{}\"", to_string(outcomes.front().error()));
}

commit_writer::behavior_type commit_writer::make_behavior() {
  return {
      [this](commit_request& req) { return on_commit(req); },
      [this](atom::flush) { store_.flush(); },
  };
}

} // namespace shoal
