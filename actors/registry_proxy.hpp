// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_asker.hpp"
#include "actors/proof_line.hpp"
#include "actors/registry_peers.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace shoal {

/// A registry shard that may be on another node: looks who owns the slot that a message is about,
/// and asks there. Writes are tried again while the slot changes hands; reads are answered by the
/// standby, or else from this node's copy, when the owner does not. Searches and what is told to a
/// shard of this node go there. Spawned by the NODE in the place of its shards. Lost when it dies:
/// answers under way.
using registry_proxy_actor = registry_shard_actor::extend<
    // INTERNAL: another node has answered.
    caf::reacts_to<remote_answer>,
    // INTERNAL: a pause is over.
    caf::reacts_to<try_again>>;

class registry_proxy : public registry_proxy_actor::base {
public:
  /// @param number of the shard whose place it takes. @param peers outlives the actor.
  registry_proxy(caf::actor_config& cfg, size_t number, const registry_peers* peers);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  template <class T>
  using promise = caf::typed_response_promise<T>;

  /// Whose word a read waits for; whoever cannot be asked is passed over.
  enum class read_step : uint8_t {
    owner,
    successor,    ///< The standby, as owner, when the owner says that it may be none any more.
    owner_copy,   ///< Then, if there is no successor, nobody knows more.
    standby_copy, ///< When the owner does not answer.
    here,
  };

  /// A message on its way, until it is answered.
  template <class Ask>
  struct errand {
    Ask ask;
    promise<typename registry_verb<Ask>::reply> answer;
    mono_time deadline;
    read_step step = read_step::owner; ///< Of reads, as the next two.
    bool doubts_absence = false;       ///< That it is not there must be proven,
    bool is_proven = false;            ///< and is if this node's copy does not have it.
  };
  template <class Ask>
  using errand_ptr = std::shared_ptr<errand<Ask>>;

  template <class Ask>
  promise<typename registry_verb<Ask>::reply> write(const Ask& ask);
  template <class Ask>
  void attempt(const errand_ptr<Ask>& e);
  template <class Ask>
  void attempt_here(const errand_ptr<Ask>& e, size_t slot);
  template <class Ask>
  void write_here(const errand_ptr<Ask>& e, size_t slot);
  template <class Ask>
  void attempt_there(const errand_ptr<Ask>& e, const std::string& node);
  template <class Ask>
  void on_failure(const errand_ptr<Ask>& e, const error& why);

  promise<registry_entry> read(const lookup_entry& ask, bool doubts_absence);
  void read_on(const errand_ptr<lookup_entry>& e);
  void read_there(const errand_ptr<lookup_entry>& e, cluster::node_number node, uint16_t kind);
  void read_here(const errand_ptr<lookup_entry>& e, size_t slot);
  void prove(const errand_ptr<lookup_entry>& e);
  void look_for_proofs();
  void on_silence(const errand_ptr<lookup_entry>& e, const error& why);
  void on_absence(const errand_ptr<lookup_entry>& e, const error& why, bool by_owner);
  void later(mono_time deadline, std::function<void(bool in_time)> then);
  void wait(std::chrono::milliseconds time, std::function<void()> then);

  /// Whoever has written through this node finds it here too: once this node's copy has it, or has
  /// had time enough.
  void when_seen(uint64_t revision, mono_time until, const std::function<void()>& then);
  const registry_shard_actor& local() const { return peers_.shards[number_]; }

  size_t number_;
  const registry_peers& peers_;
  registry_planner known_;
  link_asker asker_;
  std::unordered_map<uint64_t, std::function<void()>> paused_;
  uint64_t last_pause_ = 0;
  proof_line line_;
};

} // namespace shoal
