// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replication_flaw.hpp"
#include "core/clock.hpp"
#include "core/limits.hpp"
#include "protocol/swarm_delta.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>

namespace shoal::cluster {

/// What the logs of a node keep in all, so that many standbys that are away together take no more
/// than a bound. Outlives the logs.
struct replication_budget {
  explicit replication_budget(size_t max) : bytes_max{max} {}

  const size_t bytes_max;
  std::atomic<size_t> bytes{0}; ///< Closed and not acknowledged, of all slots.
};

struct replication_config {
  size_t batch_bytes = 16 * 1024; ///< A batch of so many is closed; less is never full.
  size_t backlog_bytes_max
      = limits::replica_backlog_bytes_max;    ///< Not yet acknowledged; beyond, a full sync is due.
  size_t window = limits::replica_window_max; ///< Batches sent and not yet acknowledged.
  std::chrono::milliseconds lag_max{1000};    ///< Beyond, the standby is not ready to take over.
  std::chrono::milliseconds resend_after{500}; ///< Without any acknowledgement.
  std::chrono::milliseconds probe_after{250};  ///< With nothing to say, an empty batch is sent.
  replication_budget* budget = nullptr;        ///< Null: only the log's own bounds hold.
  replication_flaw broken = replication_flaw::none;
};

/// What the owner of a slot has to tell the standby: facts of its swarms in the order in which they
/// became true, closed into numbered batches, kept until the standby has them. Whoever changes a
/// swarm writes on any thread; one thread sends and hears the acknowledgements.
///
///     idle --start_sync--> syncing --finish_sync--> following
///       ^                     |  \                     |
///       |                     |   `-- too much unsaid, or the standby asks --> behind
///       `------ stop ---------'                        `-----------------------'  |
///                             `<----------------- start_sync ---------------------'
///
/// Bounded: if the standby is away or slow for longer than the backlog lasts, everything unsaid is
/// forgotten and nothing is written until the next full sync. Lost when it dies: the same.
class replication_log {
public:
  enum class phase : uint8_t { idle, syncing, following, behind };

  explicit replication_log(uint8_t slot, const replication_config& config = {});
  ~replication_log();
  replication_log(const replication_log&) = delete;
  replication_log& operator=(const replication_log&) = delete;

  /// Whether facts are to be written: all that a swarm looks at while there is no standby.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }

  // -- on the threads of swarms ------------------------------------------------------

  /// Facts about one swarm, none of any other thread between them. Lives for some lines of code.
  class entry {
  public:
    entry(replication_log& log, const info_hash& swarm);

    void peer(const replica_peer& x);
    void gone(uint64_t identity) { put(delta_gone{identity}); }
    void numbers(const delta_numbers& x) { put(x); }
    void cleared() { put(delta_cleared{}); }
    void dropped() { put(delta_dropped{}); }
    void piece(const delta_piece& x) { put(x); }

  private:
    void put(const swarm_fact& x);
    bool begin_fact();

    replication_log& log_;
    info_hash swarm_;
    std::lock_guard<std::mutex> guard_;
  };

  // -- on the thread that sends ------------------------------------------------------

  /// This node owns the slot from now on. Nobody stands by yet. @param epoch 1..
  void own(uint64_t epoch);

  /// Forgets what is unsaid and begins a full sync: the standby starts anew.
  void start_sync();

  /// Lists swarms for the full sync. What a swarm writes is either before the list, and the swarm
  /// in it, or after it. @param all the swarms of the slot at `from` and beyond, ascending, at
  /// most so many; it must not write.
  /// @returns what was listed; ends at the last possible hash if there are no more.
  using lister = std::function<std::vector<info_hash>(const info_hash& from, size_t max)>;
  delta_range list(const info_hash& from, size_t max, const lister& all);

  /// All has been written that the full sync needs.
  void finish_sync();

  /// Nobody stands by, or this node owns the slot no more.
  void stop();

  /// Tells the time, so that lag is known: every 50 ms or so, and also while the link is down.
  /// @param may_resend false: whoever carries what was sent has not said yet what became of it.
  void advance(mono_time now, bool may_resend = true);

  /// @returns the next batch to send as a frame; nothing if there is none, or if too many are under
  /// way. Call it every 50 ms or so: what has been written since then is a batch.
  std::optional<std::string> take(mono_time now, bool may_resend = true);

  /// What the standby says to a batch. @returns the epoch if a newer owner has been named.
  std::optional<uint64_t> acknowledge(const delta_ack& x, mono_time now);

  /// The link has broken: what was not acknowledged is sent again.
  void link_lost();

  // -- anywhere ----------------------------------------------------------------------

  phase current() const;
  uint64_t epoch() const;

  /// What the standby would lack if this node died now, as far as it is known.
  struct lag {
    size_t bytes = 0;
    std::chrono::milliseconds age{0}; ///< Of the oldest fact that is not acknowledged.
  };
  lag behind_by(mono_time now) const;

  /// Whether the standby has had a full sync, lags by no more than `lag_max`, and has acknowledged
  /// something within that time: it need not have anything to acknowledge, as there are probes.
  bool warm(mono_time now) const;

  /// What has happened in its life, for metrics.
  struct tally {
    uint64_t facts = 0;
    uint64_t batches = 0; ///< Sent for the first time.
    uint64_t resent = 0;  ///< Sent once more.
    uint64_t syncs = 0;   ///< Full ones that began.
  };
  tally totals() const;

private:
  struct batch {
    uint64_t number;
    bool fresh;
    mono_time since; ///< When it was first seen by `advance`; zero: not yet.
    std::string body;
    mono_time sent{}; ///< First; zero: not yet.
  };

  void close();
  void cut();
  void refused_to_apply(uint64_t number);
  bool due_for_probe(mono_time now) const;
  void fall_behind();
  bool too_much() const;
  void release(size_t bytes);
  void forget();
  void note_time(mono_time now, bool may_resend);
  lag lag_at(mono_time now) const;

  const uint8_t slot_;
  const replication_config config_;
  std::atomic<bool> wanted_{false};
  mutable std::mutex mutex_;
  phase phase_ = phase::idle;
  uint64_t epoch_ = 0;
  std::string open_;               // Facts that are no batch yet.
  mono_time open_since_{};         // As `batch::since`.
  std::optional<info_hash> named_; // The swarm that `open_` speaks of.
  bool fresh_ = false;             // `open_` begins a full sync.
  std::deque<batch> batches_;      // Closed and not acknowledged.
  mono_time heard_{};              // When batches were sent or acknowledged last.
  mono_time confirmed_{};          // When what the standby has applied last was sent.
  mono_time probed_{};             // When something was first sent last: a probe may be due.
  size_t sent_ = 0;                // Of `batches_`, from the front.
  size_t backlog_bytes_ = 0;       // Of `batches_`.
  uint64_t last_number_ = 0;
  uint64_t synced_from_ = 0; // Number of the batch that began the last full sync.
  uint64_t synced_at_ = 0;   // Number of the batch that ended it.
  uint64_t acknowledged_ = 0;
  tally totals_;
};

} // namespace shoal::cluster
