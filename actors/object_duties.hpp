// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/object_homes.hpp"
#include "persistence/object_claims.hpp"

#include <deque>
#include <unordered_map>
#include <unordered_set>

namespace shoal {

/// What this node owes the cluster's objects: those that it is to have and has not, and those that
/// it has and others are to have. Between who looks through the registry and who moves bytes. Any
/// thread; time is passed in.
class object_duties final : public object_neighbours {
public:
  object_duties(std::string self, size_t copies, std::chrono::seconds absence)
      : homes_{std::move(self), copies, absence} {}

  bool look_at(const sha256_digest& object, bool here, bool kept, bool everywhere,
               const std::string& owner) override;
  void round_begins() override;
  void round_ends() override;

  /// As object_homes::look.
  bool look(std::vector<cluster::candidate> there, mono_time now);

  /// An object that is pinned here was lost.
  void want(const sha256_digest& object, const std::string& owner);

  /// @returns an object that is to be fetched, and is nobody else's business until `fetched`.
  std::optional<sha256_digest> next_wanted(mono_time now);

  /// @returns the owners that wait for it, if it has come. @param retry when to try it again else.
  std::vector<std::string> fetched(const sha256_digest& object, bool come, mono_time retry);

  /// What others are to have.
  struct surplus {
    sha256_digest object;
    bool stays = false; ///< This node keeps it as well: a manifest.
  };

  /// @returns an object that others are to have instead of this node, and is in hand until `gave`.
  std::optional<surplus> next_surplus(mono_time now);

  /// @param done they have it, or it is here no longer. @param retry when to ask them again else: a
  /// node that drains does.
  void gave(const surplus& what, bool done, mono_time retry);

  /// @returns who is to have an object so that this node need not; nobody while some are absent.
  std::vector<std::string> heirs(const sha256_digest& object) const;

  /// @returns of how many objects here others are not known to have the copies that they can have;
  /// nothing as long as this node does not drain, or has not looked through all records since.
  std::optional<uint64_t> to_hand_over() const;

  /// As object_homes has them.
  std::vector<std::string> homes(const sha256_digest& object) const;
  std::vector<std::string> stand_ins(const sha256_digest& object) const;
  size_t copies() const;

  /// Whether much of what was listed for others is with them, and more was left out of that list.
  bool has_left_out() const;

  /// Objects that this node has or is to have and that have fewer copies than they should, about:
  /// those that two records name count twice.
  uint64_t under_replicated() const;
  size_t wanted() const;

private:
  struct wish {
    std::vector<std::string> owners;
    mono_time not_before{};
    bool under_way = false;
  };

  struct handed {
    surplus what;
    mono_time not_before{};
  };

  void want_locked(const sha256_digest& object, const std::string& owner);
  void give_locked(const surplus& what);

  mutable std::mutex mutex_;
  cluster::object_homes homes_;
  std::unordered_map<sha256_digest, wish> wanted_;
  std::deque<sha256_digest> order_;              ///< Of `wanted_`, those that are not under way.
  std::deque<handed> surplus_;                   ///< Without those that are in hand.
  std::unordered_set<sha256_digest> in_surplus_; ///< With them.
  uint64_t lacking_ = 0;        ///< Objects here with an absent home: in the last round, and since.
  uint64_t lacking_so_far_ = 0; ///< In this round.
  bool in_round_ = false;
  uint64_t left_out_ = 0; ///< Of `surplus_`, as it was full: as `lacking_` is counted.
  uint64_t left_out_so_far_ = 0;
  bool drains_ = false;
  bool round_counts_ = false; ///< It began when this node did drain.
  bool has_looked_ = false;   ///< Such a round has ended.
};

} // namespace shoal
