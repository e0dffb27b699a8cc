// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/counter_ledger.hpp"
#include "cluster/registry_service.hpp"

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>

namespace shoal::cluster {

/// Where the threads of a node meet the one on which its registry engine runs. The thread itself is
/// somebody else's: `registry_service` has one, tests have virtual time.
class registry_desk final : public registry_service, registry_listener {
public:
  /// Runs something on the engine's thread, later. @returns false if it cannot be taken.
  using executor = std::function<bool(std::function<void()> what, size_t bytes)>;
  using clock = std::function<mono_time()>;

  /// @param who, now outlive the desk.
  registry_desk(executor run, registry_listener& who, const clock& now);
  ~registry_desk() override;

  // -- on the engine's thread ----------------------------------------------------------

  /// All outlive the engine.
  void open(coordination::store& etcd, lmdb_store& store, const slot_routes& routes,
            const registry_engine_config& config);

  /// Does what is due. @param health of the way to etcd, to be shown.
  void tick(const coordination::etcd_health& health);

  /// Ends the engine. Whoever waits, or comes later, gets ec::shutting_down.
  void close();

  // -- on any ------------------------------------------------------------------------------

  void commit(commit_request what, commit_store::callback then) override;
  bool count(const counter_key& of, const counter_amounts& amounts) override;
  counter_amounts pending(const counter_key& of) const override { return ledger_.pending(of); }
  void flush(std::function<void(result<void>)> then) override;
  void reach(uint64_t revision) override;
  uint64_t ask_proof() override { return ++doubted_; }
  uint64_t proven() const override { return proven_.load(std::memory_order_acquire); }
  uint64_t revision() const override { return revision_.load(std::memory_order_acquire); }
  registry_status status() const override;
  result<void> await_first_view(std::chrono::milliseconds timeout) override;

private:
  struct flushing {
    std::function<void(result<void>)> then;
    mono_time until;
  };

  void applied(uint64_t revision, registry_changes changes) override;
  void replaced(uint64_t revision) override;
  void failed(const error& why) override;
  void begin_flush(std::function<void(result<void>)> then);
  void end_flushes(const result<void>& how, mono_time until);
  void publish(const coordination::etcd_health& health);

  executor run_;
  registry_listener& who_;
  const clock& now_;
  counter_ledger ledger_;
  std::atomic<uint64_t> revision_{0};
  std::atomic<uint64_t> wanted_{0};
  std::atomic<uint64_t> doubted_{0};
  std::atomic<uint64_t> proven_{0};
  std::unique_ptr<registry_engine> engine_;
  std::list<flushing> flushes_;
  mono_time settle_at_{};
  mutable std::mutex mutex_;
  std::condition_variable seen_;
  uint64_t keys_read_ = 0; // Of etcd's range.
  registry_status status_; // But for the lag.
  mono_time synced_at_{};
  std::optional<error> stopped_;
};

} // namespace shoal::cluster
