// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_table.hpp"
#include "actors/registry_actor.hpp"
#include "actors/swarm_actor.hpp"
#include "actors/swarm_directory.hpp"
#include "actors/union_counts.hpp"
#include "core/limits.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <array>
#include <deque>
#include <functional>
#include <random>
#include <unordered_set>

namespace shoal {

/// What all swarms of a node share. Built by the node, outlives them.
struct swarm_config {
  peer_table_config peers;
  uint32_t interval_s = 1800;             ///< Base of the announce interval.
  uint32_t jitter_percent = 10;           ///< The interval varies by this much either way.
  size_t swarms_max = limits::swarms_max; ///< Beyond, only registered info-hashes get a swarm.
  std::array<shard_actor, slot_count> shards;
  std::function<registry_shard_actor(const info_hash&)> registry_of; ///< By primary swarm.
  accounts_actor accounts;
  swarm_directory* directory = nullptr;
  std::function<coarse_seconds()> now; ///< Coarse monotonic time; virtual in tests.
};

/// Remembers the last identities that finished a download, in any swarm of a torrent.
class recent_completers {
public:
  static constexpr size_t capacity = 4096;

  /// @returns whether the identity is new here.
  bool insert(uint64_t identity);

private:
  std::unordered_set<uint64_t> known_;
  std::deque<uint64_t> order_;
};

/// See swarm_actor.
class swarm : public swarm_actor::base {
public:
  /// @param config outlives the actor.
  swarm(caf::actor_config& cfg, info_hash hash, const swarm_config* config);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void on_announce(const announce_request& req, const edge_actor& edge);
  swarm_numbers on_scrape() const;
  void answer(const scrape_request& req, const edge_actor& edge);
  void on_paired(const paired_peers& facts);
  void on_traffic(const paired_traffic& fact);
  void on_restore(const restore_swarm& image);
  void on_refresh();
  void on_expire();
  void on_clear();
  restore_swarm on_save() const;
  paired_peers on_members() const;

  coarse_seconds now() const { return config_.now(); }
  uint32_t draw_interval();
  void read_registration();
  void book_traffic(const announce_request& req);
  void credit(const std::string& user, const usage_report& report);
  void note_completion(uint64_t identity);
  void note_changes();
  void tell_primary(bool reset, std::vector<peer_change> changes, std::vector<uint64_t> completed);
  std::vector<peer_change> everybody() const;
  void publish_counts();
  void publish_size();
  bool deserted() const;

  /// What only the primary swarm of a torrent with several info-hashes keeps.
  struct primary_state {
    union_counts peers;
    recent_completers completers;
  };
  primary_state& primary();

  info_hash hash_;
  const swarm_config& config_;
  peer_table peers_;
  std::shared_ptr<const registration> entry_;
  std::unique_ptr<primary_state> primary_;
  std::vector<peer_change> changes_; // Scratch space.
  std::minstd_rand random_;
  size_t published_size_ = 0; // Peers that the directory counts for this swarm.
  uint8_t deserted_sweeps_ = 0;
  bool retired_ = false; // Left the directory; passes on what still arrives, then quits.
};

} // namespace shoal
