// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/commit_store.hpp"
#include "cluster/coordination.hpp"
#include "cluster/flaw.hpp"
#include "cluster/keys.hpp"
#include "core/clock.hpp"

#include <map>

namespace shoal::cluster {

/// A record that holds counters.
struct counter_key {
  table where = table::entries; ///< `entries`: completions; `users`: usage.
  std::string key;

  auto operator<=>(const counter_key&) const = default;
};

/// What is to be added to a record.
struct counter_amounts {
  uint64_t completions = 0;      ///< Of an entry.
  uint64_t uploaded_bytes = 0;   ///< Of a user, as the next two.
  uint64_t downloaded_bytes = 0; //
  uint64_t announces = 0;
  unix_seconds at = 0; ///< The latest of what was counted.

  void add(const counter_amounts& more);
  bool operator==(const counter_amounts&) const = default;
};

/// @param old the record's value; nothing: there is none yet.
/// @returns the new value; nothing if there is nothing to count for (the entry is gone).
/// @errors ec::corrupt: the record does not decode.
result<std::optional<std::string>> add_to_record(table where, const std::optional<std::string>& old,
                                                 const counter_amounts& amounts);

struct counter_config {
  std::string node;
  uint64_t incarnation = 0;
  std::chrono::milliseconds period{250};
  size_t records_max = 50;               ///< Of one flush.
  size_t bytes_max = size_t{512} * 1024; ///< Of their values; at least one record.
  size_t pending_max = 100'000;          ///< Records with amounts that wait.
  bool needs_claim = false;              ///< In a cluster: see claim_flushes.
  flaw broken = flaw::none;
};

/// Gathers what is counted and writes it in batches, one at a time. A batch keeps its id and its
/// amounts until it is known to be written, so it counts exactly once whatever is lost or
/// repeated. Counting needs no ownership: the records' versions guard it. In a cluster it needs the
/// node's claim, as ids protect only while nobody else erases them.
///
/// Lost when it dies: what was not flushed, a period's worth. When another process takes the claim:
/// the batch that may have been written, never more.
class counter_flusher {
public:
  struct hooks {
    /// The record as this node's copy has it.
    std::function<result<std::optional<versioned>>(table where, const std::string& key)> read;
    std::function<mono_time()> now;
    /// Amounts are lost: the record does not decode (ec::corrupt); nobody knows whether they were
    /// counted (ec::timeout).
    std::function<void(const counter_key&, const counter_amounts&, const error& why)> dropped;
    /// Replaces `add_to_record`, in tests.
    std::function<result<std::optional<std::string>>(
        table where, const std::optional<std::string>& old, const counter_amounts& amounts)>
        apply = add_to_record;
  };

  counter_flusher(commit_store& store, hooks how, const counter_config& config);

  /// @returns false if too many records wait; then nothing is counted.
  bool add(const counter_key& of, const counter_amounts& amounts);

  /// Flushes if it is time: every 50 ms or so.
  void advance();

  /// Whether nothing is flushed before `claimed`: ask `claim_flushes`.
  bool wants_claim() const { return config_.needs_claim && claim_ == 0; }

  void claimed(uint64_t claim) { claim_ = claim; }

  /// Flushes without a pause. @param then once nothing is left to write.
  void flush(std::function<void()> then);

  /// What is counted and not yet written, for whoever shows the counter.
  counter_amounts pending(const counter_key& of) const;
  bool is_idle() const { return waiting_.empty() && batch_.empty(); }

  /// Of the last flush that was begun: "NODE/SEQUENCE".
  std::string id() const;

private:
  using amounts_map = std::map<counter_key, counter_amounts>;

  void begin();
  void attempt();
  result<commit_request> plan();
  void on_outcome(const result<uint64_t>& outcome, size_t forgets);
  void on_claim_lost();
  void finish();

  commit_store& store_;
  hooks how_;
  counter_config config_;
  amounts_map waiting_;
  amounts_map batch_;
  uint64_t number_ = 0;
  std::vector<uint64_t> old_; // Numbers of batches that are over, whose ids may be there.
  uint64_t claim_ = 0;        // 0: none.
  bool was_asked_ = false;    // The batch, whatever came of it.
  bool is_doubtful_ = false;  // Nobody knows whether it was written.
  bool is_asking_ = false;
  mono_time next_{};
  std::vector<std::function<void()>> flushing_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Makes this process the one that flushes for its node: none of another one happens from now on.
/// Then erases the ids of flushes that former processes have left: nobody asks for them again.
/// @param member that this process is the node, as membership::guard_of_self says.
/// @param then the claim, for counter_flusher::claimed. ec::not_owner: it is not the node, or
/// another one was faster; ec::timeout and the like: try again.
void claim_flushes(coordination::store& store, const key_space& keys, const counter_config& of,
                   const coordination::condition& member, mono_time deadline,
                   coordination::store::callback<uint64_t> then);

} // namespace shoal::cluster
