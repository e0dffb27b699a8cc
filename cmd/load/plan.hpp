// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/options.hpp"
#include "cmd/load/population.hpp"
#include "cmd/load/random.hpp"
#include "cmd/load/tally.hpp"
#include "protocol/announce.hpp"

#include <optional>
#include <vector>

namespace shoal::load {

struct planned_request {
  request_kind kind = request_kind::announce;
  uint64_t swarm = 0;
  uint64_t peer = 0;
  announce_event event = announce_event::none;
  unsigned numwant = 0;
};

/// Decides what each source sends next: every peer once (prefill), or at random in the shares of
/// the mix. A peer always speaks from the same source: (swarm + peer) mod sources.
class request_plan {
public:
  enum class phase : uint8_t { prefill, measured };

  request_plan(const load_options& options, const population& all, phase what, uint64_t seed);

  /// @param source 0..sources-1.
  /// @returns nothing when the source has announced all its peers.
  std::optional<planned_request> next(unsigned source);

  const population& all() const { return all_; }

private:
  std::optional<planned_request> next_unannounced(unsigned source);
  void choose_peer(planned_request& request, unsigned source);
  announce_event choose_event();

  const load_options& options_;
  const population& all_;
  phase phase_;
  random_source random_;
  struct cursor {
    uint64_t swarm = 0;
    uint64_t peer = 0;
    bool started = false;
  };
  std::vector<cursor> cursors_; ///< Of each source, in the prefill.
};

} // namespace shoal::load
