// SPDX-License-Identifier: Apache-2.0
#include "actors/cluster_writer.hpp"

#include "actors/error.hpp"

namespace shoal {

// The instruments are those of the single node's writer: a process has one of the two.
cluster_writer::cluster_writer(caf::actor_config& cfg, cluster::registry_service* const* service,
                               metrics::registry* metrics)
    : cluster_writer_actor::base(cfg), service_{*service},
      latency_{metrics->add_histogram("shoal_commit_seconds",
                                      "Time of one commit to the store, fsync included")},
      requests_{metrics->add_counter("shoal_commit_requests_total", "Writes asked of the store")},
      failures_{metrics->add_counter("shoal_commit_failures_total",
                                     "Writes that the store refused for want of space or health")} {
}

cluster_writer::promise cluster_writer::on_commit(commit_request& what) {
  auto answer = make_response_promise<promise>();
  requests_.add();
  if (!service_) {
    answer.deliver(to_caf({ec::unavailable, "the registry has not begun"}));
    return answer;
  }
  auto ticket = ++last_ticket_;
  waiting_.emplace(ticket, waiting{answer, clock().now()});
  auto me = caf::actor_cast<cluster_writer_actor>(this);
  service_->commit(std::move(what), [me, ticket](const result<uint64_t>& how) {
    if (how)
      caf::anon_send(me, commit_outcome{ticket, *how, 0, {}});
    else
      caf::anon_send(me, commit_outcome{ticket, 0, static_cast<uint8_t>(how.error().code),
                                        how.error().detail});
  });
  return answer;
}

void cluster_writer::on_outcome(const commit_outcome& x) {
  auto found = waiting_.find(x.ticket);
  if (found == waiting_.end())
    return;
  auto [answer, since] = std::move(found->second);
  waiting_.erase(found);
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock().now() - since);
  latency_.observe_us(static_cast<uint64_t>(std::max<int64_t>(took.count(), 0)));
  if (x.revision != 0) {
    answer.deliver(x.revision);
    return;
  }
  error why{static_cast<ec>(x.code), x.detail};
  if (why.code != ec::conflict && why.code != ec::not_owner)
    failures_.add();
  answer.deliver(to_caf(why));
}

cluster_writer::behavior_type cluster_writer::make_behavior() {
  return {
      [this](commit_request& x) { return on_commit(x); },
      [](atom::flush) {},
      [this](const commit_outcome& x) { on_outcome(x); },
  };
}

} // namespace shoal
