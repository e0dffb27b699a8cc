// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/swarm.hpp"
#include "actors/swarm_copies.hpp"
#include "cluster/slots.hpp"
#include "core/clock.hpp"

#include <array>
#include <map>
#include <mutex>

namespace shoal {

/// What this node knows of swarms of other nodes: copies of the slots for which it stands by, and
/// which slots have swarms here though they are another node's, "strays": those that act for an
/// owner that is away, and those of slots that were this node's.
///
///     none --stand_by--> standby --take_over--> owner, while shards make swarms of the copy
///      ^  <----drop-------'                       |    and the last owner's last words arrive
///      '---------------------give_up--------------'
///
/// One thread changes the parts and hears owners; shards take swarms on theirs. A lock for each
/// slot.
class slot_copies final : public swarm_copies {
public:
  /// How long the last words of the owner before are listened to.
  static constexpr std::chrono::seconds last_words{10};

  /// An owner that has not been heard for so long has not come back.
  static constexpr std::chrono::seconds heard_lately{2};

  /// How long a new owner, or who acts for one, remembers who has left, and how many of a slot.
  static constexpr coarse_seconds departed_s = 60;
  static constexpr size_t departed_max = 2048;

  slot_copies();
  ~slot_copies() override;

  /// Before anything else. @param config is kept by reference.
  void configure(const peer_table_config& config, std::function<coarse_seconds()> now);

  // -- what this node is to a slot ---------------------------------------------------

  /// @param epoch of the owner.
  void stand_by(size_t slot, uint64_t epoch);

  /// It stands by no more.
  void drop(size_t slot);

  /// It owns the slot. @returns whether there is a copy that swarms are to be made of.
  bool take_over(size_t slot, uint64_t epoch, mono_time now);

  /// It owns the slot no more. Its swarms live on until another node has their peers.
  void give_up(size_t slot);

  // -- what others say ---------------------------------------------------------------

  struct heard {
    std::optional<delta_ack> ack;  ///< Nothing: this node has no part in the slot, as far as known.
    std::vector<merge_swarm> late; ///< Last words about swarms that live here already.
  };
  heard hear(const delta_batch& x, mono_time now);

  /// Forgets what is over: copies that have become swarms.
  void tidy(mono_time now);

  // -- strays ------------------------------------------------------------------------

  /// Whether swarms of the slot may be here that its owner is to have: another node owns it, as far
  /// as this one knows, and if this one stands by it has had all from that owner lately.
  bool has_strays(size_t slot, mono_time now) const;

  /// Whether the copy, which is what the owner has, knows the peer, and that it has all if it has.
  bool knows(const info_hash& swarm, const replica_peer& x) const;

  /// There are none any more, as far as was looked.
  void no_strays(size_t slot);

  // -- what is known -----------------------------------------------------------------

  bool owns(size_t slot) const;
  bool is_restoring(size_t slot) const;

  struct totals {
    size_t slots = 0; ///< With a copy.
    size_t whole = 0; ///< Of these, those that have had a full sync.
    size_t swarms = 0;
    size_t peers = 0;
  };
  totals count() const;

  // -- swarm_copies ------------------------------------------------------------------

  replica_ptr take(const info_hash& swarm) override;
  std::vector<std::pair<info_hash, replica_ptr>> take_some(size_t slot, size_t max) override;
  void begun(size_t slot) override;
  void left(const info_hash& swarm, uint64_t identity) override;
  bool has_left(const info_hash& swarm, uint64_t identity) const override;

private:
  enum class part : uint8_t { none, standby, owner };

  class copy;
  struct place {
    mutable std::mutex mutex;
    part is = part::none;
    bool strays = true;       // Until somebody has looked: a snapshot may have had some.
    uint64_t epoch = 0;       // If this node is the owner.
    coarse_seconds heard = 0; // When the owner was heard last, if ever.
    mono_time heard_at{};     // The same.
    mono_time since{};        // When this node became the owner.
    coarse_seconds since_s = 0;
    std::map<std::pair<info_hash, uint64_t>, coarse_seconds> departed; // And when.
    std::unique_ptr<copy> kept;
  };

  replica_ptr clone(const replica_table::replica& from, coarse_seconds last_heard) const;

  const peer_table_config* config_ = nullptr;
  std::function<coarse_seconds()> now_;
  std::array<place, slot_count> places_;
};

} // namespace shoal
