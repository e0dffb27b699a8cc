// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_client.hpp"
#include "cluster/registry_engine.hpp"

namespace shoal::cluster {

struct registry_service_config {
  registry_engine_config engine;
  coordination::etcd_config etcd;
  std::chrono::milliseconds tick{50};
  std::chrono::milliseconds end_patience{3000}; ///< For the last flush of counters.
};

struct registry_status {
  uint64_t revision = 0;            ///< Of etcd, at which the copy stands; 0: there is no view yet.
  std::chrono::milliseconds lag{0}; ///< Since the copy was certainly as new as etcd; 0 if it is.
  bool stopped = false;             ///< ec::corrupt: etcd went back in time.
  bool reachable = true;            ///< etcd answers.
  uint64_t etcd_revision = 0;       ///< Of etcd itself, as it said last.
  uint64_t resumptions = 0;    ///< How often the watch of the registry was taken up where it stood.
  uint64_t resyncs = 0;        ///< How often all of it was read.
  size_t counters_waiting = 0; ///< Records with counts that are not written, about.
  coordination::etcd_health etcd;
  etcd_commit_stats commits;
};

/// What the actors of a node see of the cluster's registry. Thread-safe; callbacks and the listener
/// run on the commit thread and must not block.
class registry_service {
public:
  virtual ~registry_service() = default;

  /// See `registry_engine::commit`. The callback is called exactly once, refusals possibly from
  /// within. @errors also ec::busy: too much waits for the thread.
  virtual void commit(commit_request what, commit_store::callback then) = 0;

  /// Counts. @returns false if too many records wait (limits::registry_counters_max).
  virtual bool count(const counter_key& of, const counter_amounts& amounts) = 0;

  /// What was counted here and is not yet in the copy.
  virtual counter_amounts pending(const counter_key& of) const = 0;

  /// Writes what has been counted. @errors ec::timeout: it takes longer than a request may, and
  /// goes on; ec::shutting_down.
  virtual void flush(std::function<void(result<void>)> then) = 0;

  /// Sees to it that the copy gets to a revision of etcd soon, even if nobody writes.
  virtual void reach(uint64_t revision) = 0;

  /// Asks for a proof that the copy has all that etcd has by now: etcd's watch does not tell how
  /// far it is. It is there once `proven` is not less than the number returned, and never if etcd
  /// does not answer. Costs etcd one write for all who ask within some 50 ms.
  virtual uint64_t ask_proof() = 0;
  virtual uint64_t proven() const = 0;

  virtual uint64_t revision() const = 0;
  virtual registry_status status() const = 0;

  /// Blocks until there is something to read, however much that is.
  /// @errors ec::unavailable: nothing has come for that time; ec::corrupt: etcd went back.
  virtual result<void> await_first_view(std::chrono::milliseconds timeout) = 0;
};

/// Starts the commit thread. When it ends it writes what has been counted, as far as that is
/// possible, and whoever still waits gets ec::shutting_down.
/// @param store, routes, who outlive the service.
/// @errors ec::invalid_argument: the way to etcd, or a file that it names.
result<std::unique_ptr<registry_service>>
start_registry_service(const registry_service_config& config, lmdb_store& store,
                       const slot_routes& routes, registry_listener& who);

} // namespace shoal::cluster
