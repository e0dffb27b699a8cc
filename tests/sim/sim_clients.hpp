// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_tracker.hpp"

namespace shoal::sim {

/// A peer of one swarm, as it knows itself.
struct sim_client {
  enum class stage : uint8_t {
    unheard, ///< Nobody has acknowledged it yet.
    there,   ///< It has been acknowledged, and has not said that it leaves.
    gone,    ///< It has said so, whether or not anybody has heard it.
  };

  info_hash swarm;
  uint32_t number = 0;
  stage is = stage::unheard;
  bool seeds = false;
  bool waits = false;   ///< For an answer.
  bool doomed = false;  ///< Who alone heard it has crashed while the answer was under way.
  bool excused = false; ///< Nobody need know it: what held it has crashed in time.
  std::string at;       ///< Node that it asked last.
  mono_time asked{};
  mono_time acknowledged{};
  mono_time left{};
  bool left_well = false; ///< A node that is up and linked has heard that it leaves.

  uint64_t identity() const { return mix_bits(number + 1); }
  size_t slot() const { return slot_of(swarm); }

  /// Whether the cluster must know it.
  bool counts() const { return is == stage::there && !excused; }
};

/// Clients that announce at any node: newcomers, those who come again, complete and leave.
class sim_clients final : public announce_watcher {
public:
  /// Hears how announces end. @param reply as announce_watcher has it.
  using listener = std::function<void(sim_client&, const announce_reply* reply, duration took)>;

  sim_clients(timeline& time, size_t slots, listener heard);

  /// Some client announces at that node, unless all wait.
  void act(sim_tracker& at);

  /// All that have not left announce at one of these.
  void act_all(const std::vector<sim_tracker*>& at);

  /// A client of the swarm announces what it has said before. Nothing if the swarm has none.
  void repeat(sim_tracker& at, const info_hash& swarm);

  std::vector<sim_client> all;
  const std::vector<info_hash>& swarms() const { return swarms_; }
  uint64_t hung_up() const { return hung_up_; }

  void answered(size_t client, const announce_reply* reply, duration took) override;
  void hung_up(size_t client, duration waited) override;

private:
  void say(sim_tracker& at, size_t who, announce_event event);

  timeline& time_;
  listener heard_;
  std::vector<info_hash> swarms_;
  uint64_t hung_up_ = 0;
};

} // namespace shoal::sim
