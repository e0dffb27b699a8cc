// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_port.hpp"
#include "actors/swarm_directory.hpp"
#include "core/limits.hpp"
#include "core/metrics.hpp"

#include <functional>

namespace shoal {

/// What asking about a hash has come to.
enum class inquiry_outcome : uint8_t {
  registered,
  unregistered, ///< The owner of its slot says so.
  unknown,      ///< Nobody answered who would know.
};
inline constexpr size_t inquiry_outcome_count = 3;

/// What the edges of a node share to ask about hashes. Thread-safe.
struct inquiry_desk {
  /// @param swarms outlives it. @param find whom to ask about an entry, in the cluster.
  inquiry_desk(const swarm_directory& swarms,
               std::function<registry_shard_actor(const info_hash&)> find,
               metrics::registry& numbers);

  const swarm_directory& directory;
  const std::function<registry_shard_actor(const info_hash&)> registry_of;
  std::array<metrics::counter*, inquiry_outcome_count> ended{};
  metrics::counter& shed; ///< Not asked, as too much was.
};

/// A closed tracker looks into its node's copy of the registry, which has what another node
/// acknowledged some milliseconds later, and while it has lost sight of etcd not at all. So before
/// an edge refuses a hash it asks the registry shard that would have it, on whatever node.
///
/// Belongs to the port's thread. Bounded: limits::edge_inquiries_max at once; beyond, what the copy
/// says holds. An inquiry ends in vain after defaults::request_timeout.
class edge_inquiry {
public:
  /// @param port, desk outlive it.
  edge_inquiry(edge_port& port, inquiry_desk& desk) : port_{port}, desk_{desk} {}

  /// Only then anything may be asked; counts it if there is none.
  bool has_room();

  /// @param then called once, on the port's thread, unless the port ends before.
  void ask(const info_hash& swarm, std::function<void(inquiry_outcome)> then);

  /// Announces if it is registered, or tells the sink that it is not.
  void announce(announce_request req, announce_sink& sink);

private:
  edge_port& port_;
  inquiry_desk& desk_;
  size_t open_ = 0;
};

} // namespace shoal
