// SPDX-License-Identifier: Apache-2.0
#include "cluster/registry_metrics.hpp"

namespace shoal::cluster {

namespace {

/// Adds what is read of the service's status.
class status_adder {
public:
  status_adder(metrics::registry& to, const registry_service& from) : to_{to}, from_{from} {}

  void gauge(std::string_view name, std::string_view help, auto read) const {
    add(name, help, read, "gauge");
  }
  void counter(std::string_view name, std::string_view help, auto read) const {
    add(name, help, read, "counter");
  }

private:
  void add(std::string_view name, std::string_view help, auto read, std::string_view kind) const {
    to_.add_reader(
        name, help, {}, [from = &from_, read] { return double(read(from->status())); }, kind);
  }

  metrics::registry& to_;
  const registry_service& from_;
};

void add_copy(const status_adder& to) {
  to.gauge("shoal_registry_revision", "Revision of etcd at which the copy stands",
           [](const auto& x) { return x.revision; });
  to.gauge("shoal_registry_etcd_revision", "Revision of etcd, as it said last",
           [](const auto& x) { return x.etcd_revision; });
  to.gauge("shoal_registry_lag_seconds", "Since the copy was certainly as new as etcd; 0 if it is",
           [](const auto& x) { return std::chrono::duration<double>(x.lag).count(); });
  to.counter("shoal_registry_watch_resumptions_total", "Watches taken up where one had stood",
             [](const auto& x) { return x.resumptions; });
  to.counter("shoal_registry_resyncs_total", "How often all of the registry was read",
             [](const auto& x) { return x.resyncs; });
  to.gauge("shoal_registry_counters_waiting", "Records with counts that are not written",
           [](const auto& x) { return x.counters_waiting; });
}

void add_commits(const status_adder& to) {
  to.gauge("shoal_etcd_commits_open", "Writes without an answer",
           [](const auto& x) { return x.commits.open; });
  to.gauge("shoal_etcd_commits_queued", "Of these, those that no transaction has taken along",
           [](const auto& x) { return x.commits.queued; });
  to.gauge("shoal_etcd_commit_bytes", "Keys and values of the writes without an answer",
           [](const auto& x) { return x.commits.bytes; });
  to.gauge("shoal_etcd_commit_lanes_busy", "Transactions under way",
           [](const auto& x) { return x.commits.lanes_busy; });
  to.gauge("shoal_etcd_commit_lanes_lost", "Of these, those whose outcome is being found out",
           [](const auto& x) { return x.commits.lanes_lost; });
  to.counter("shoal_etcd_transactions_total", "Transactions sent",
             [](const auto& x) { return x.commits.transactions; });
  to.counter("shoal_etcd_transaction_writes_total", "Writes in them",
             [](const auto& x) { return x.commits.shared; });
  to.counter("shoal_etcd_transactions_failed_total", "Those in which a condition failed",
             [](const auto& x) { return x.commits.failed; });
}

} // namespace

void add_registry_metrics(metrics::registry& registry, const registry_service& service) {
  status_adder to{registry, service};
  add_copy(to);
  add_commits(to);
}

} // namespace shoal::cluster
