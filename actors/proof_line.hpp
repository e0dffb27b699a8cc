// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace shoal {

struct registry_peers;

/// Who waits until this node's copy certainly has all that anybody had written when they asked.
/// Belongs to an actor, which looks every `registry_peers::proof_pause` as long as somebody waits:
/// one timer for all.
class proof_line {
public:
  /// @param is_proven whether the copy has it; else its time is over, or too many wait.
  using listener = std::function<void(bool is_proven)>;

  /// @param peers outlives it.
  explicit proof_line(const registry_peers& peers) : peers_{peers} {}

  /// Beyond limits::proofs_waiting_max whoever comes is told at once that nothing is proven.
  /// @returns whether nobody looks yet: then the actor has to begin.
  bool join(mono_time until, listener then);

  /// Tells those whose proof has come or whose time is over.
  /// @returns whether others wait.
  bool look();

  void clear() { waiting_.clear(); }

private:
  struct item {
    uint64_t proof;
    mono_time until;
    listener then;
  };

  const registry_peers& peers_;
  std::vector<item> waiting_;
  bool is_looked_at_ = false;
};

} // namespace shoal
