// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/slot_copies.hpp"
#include "actors/slot_feeds.hpp"
#include "cluster/link.hpp"
#include "cluster/slot_map.hpp"
#include "core/metrics.hpp"

#include <condition_variable>
#include <thread>

namespace shoal {

/// What the swarms of a node share with its replication. Made before the node, which attaches its
/// swarms to it, and outlives it.
class replica_state {
public:
  explicit replica_state(cluster::replication_config config = {}) : logs{config} {}

  /// Before the first swarm begins. @param swarms outlives the use of this.
  void attach(swarm_config& swarms);

  swarm_config& swarms() const { return *swarms_; }

  slot_logs logs;
  slot_copies copies;

private:
  swarm_config* swarms_ = nullptr;
};

struct replication_settings {
  slot_feeds::config feeds;
  std::chrono::milliseconds period{20}; ///< Between looks at what is to be sent.
  std::chrono::milliseconds call_timeout{3000};
  std::chrono::milliseconds pause{100}; ///< After a call that failed, until the next to that node.
  std::chrono::milliseconds stray_period{500}; ///< Between looks for strays.
  size_t strays_at_once = 256;                 ///< Swarms in one message.
};

/// Keeps a copy of every slot's swarms on a second node, and makes swarms of it when that node
/// becomes the owner (ADR 19). As owner it tells standbys what changes, as standby it listens, and
/// what swarms it has of slots of other nodes it gives to these.
///
/// Driven by one thread, of its own after `start`, that may wait for swarms but never makes an I/O
/// thread wait. Lost when it dies: nothing but what is under way; the next one begins with full
/// syncs.
class replication {
public:
  /// @param state attached to the node's swarms. All that is given outlives this. Serves kinds of
  /// links, so before the first `links::follow`.
  replication(caf::actor_system& sys, replica_state& state, cluster::links& links,
              slot_duties duties, replication_settings settings = {});
  ~replication();
  replication(const replication&) = delete;
  replication& operator=(const replication&) = delete;

  /// Starts the thread. Without it somebody else calls `advance`.
  void start();

  /// Ends the thread; nothing is said or heard any more. While the actor system lives.
  void stop();

  /// Does what is due. On one thread only.
  void advance(mono_time now);

  // -- what cluster::membership says, on any thread, each slot's calls in order ---------

  void acquired(size_t slot, uint64_t epoch);
  void lost(size_t slot, uint64_t epoch);
  void standby_changed(size_t slot, const cluster::held_role& standby);
  void standing_by(size_t slot, uint64_t epoch);
  void stood_down(size_t slot);

  // -- what is known, on any thread ----------------------------------------------------

  struct numbers {
    slot_feeds::lag lag;
    cluster::replication_log::tally sent;
    slot_copies::totals copies;
    uint64_t batches_heard = 0;
    uint64_t takeovers = 0;    ///< Slots that were taken over with a copy.
    uint64_t strays_given = 0; ///< Swarms whose peers were given to their owner.
  };
  numbers report() const;

private:
  using task = std::function<void(mono_time)>;

  /// What other threads hand in. Outlives this, as links may still hold it.
  struct inbox {
    void put(task what);
    std::vector<task> take();

    std::mutex mutex;
    std::condition_variable filled;
    std::vector<task> waiting;
    bool closed = false;
  };

  struct peer_node {
    size_t calls = 0;
    bool takes_strays = false; ///< A message with some is under way.
    mono_time not_before{};
  };

  /// Swarms of another node's slot and what that node may not know of them.
  struct stray_load {
    std::vector<std::pair<info_hash, uint64_t>> swarms; ///< With their stamps.
    std::string body;
  };

  void run();
  void serve();
  void send(mono_time now);
  bool send_to(const std::string& node, peer_node& to, mono_time now);
  void on_acks(const std::string& node, const std::vector<size_t>& slots,
               const result<std::string>& answer, mono_time now);
  std::string hear_batches(std::string_view body, mono_time now);
  result<std::string> hear_strays(std::string_view body);
  void give_strays(mono_time now);
  void give_strays(size_t slot, mono_time now);
  stray_load describe(const std::vector<info_hash>& hashes);
  void let_go(const std::vector<std::pair<info_hash, uint64_t>>& swarms);
  void failed(peer_node& to, mono_time now) { to.not_before = now + settings_.pause; }

  replica_state& state_;
  cluster::links& links_;
  const slot_duties duties_;
  const replication_settings settings_;
  caf::scoped_execution_unit unit_;
  slot_feeds feeds_;
  std::map<std::string, peer_node> nodes_;
  mono_time looked_{};
  mono_time looked_for_strays_{};
  std::atomic<uint64_t> batches_heard_{0};
  std::atomic<uint64_t> takeovers_{0};
  std::atomic<uint64_t> strays_given_{0};
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::thread thread_;
};

/// Shows how the replication is. @param of outlives the registry's readers.
void add_replication_metrics(metrics::registry& to, const replication& of);

} // namespace shoal
