// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/placement.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"

#include <map>

namespace shoal::cluster {

/// Which nodes keep an object: the first of its ranking. Draining nodes and those of weight 0 keep
/// nothing. Pure.
/// @returns the indices of nodes that keep objects, best first, but so that the first of each zone
/// come before the second ones: copies stand in different zones while there are zones left.
std::vector<size_t> rank_homes(const std::vector<candidate>& nodes, const sha256_digest& object);

/// What a node knows of who keeps objects: those that are there, and those that left lately and may
/// come back with what they have. Pure: time is passed in.
///
///     there ----- leaves ----> absent ----- `patience` ----> gone
///       ^                        |
///       '------- comes back -----'
///
/// The homes of an object are the first `copies` of all that are not gone. While some of these are
/// absent, the next ones that are there stand in for publishers, but nothing is copied for it: a
/// node that restarts costs nothing.
class object_homes {
public:
  /// @param copies 1..16. @param patience until a node that left is gone for good.
  object_homes(std::string self, size_t copies, std::chrono::seconds patience)
      : self_{std::move(self)}, copies_{copies}, patience_{patience} {}

  /// Who is there now, self included. @returns whether homes are others than before.
  bool look(std::vector<candidate> there, mono_time now);

  /// Whether this node is to keep the object.
  bool is_home(const sha256_digest& object) const;

  /// Names of the nodes that are to keep the object and are there, in order of rank.
  std::vector<std::string> homes(const sha256_digest& object) const;

  /// All that are there and may keep the object, best first: the first `copies` are whom a
  /// publisher asks, the others stand in for those that fail.
  std::vector<std::string> stand_ins(const sha256_digest& object) const;

  /// Copies that there can be: fewer than wanted if fewer nodes are there.
  size_t reachable_copies() const;

  /// The same if those that are absent come back.
  size_t possible_copies() const;
  size_t copies() const { return copies_; }
  const std::string& self() const { return self_; }

private:
  struct known {
    candidate node;
    mono_time seen{};
    bool there = false;
  };

  void rebuild();

  std::string self_;
  size_t copies_;
  std::chrono::seconds patience_;
  std::map<std::string, known> known_;
  std::vector<candidate> all_;   // Those that are there or absent, by id.
  std::vector<bool> is_there_;   // Of each of them.
  std::vector<candidate> there_; // By id.
};

} // namespace shoal::cluster
