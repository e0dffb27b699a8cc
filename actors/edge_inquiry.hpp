// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_port.hpp"
#include "actors/swarm_directory.hpp"
#include "core/limits.hpp"
#include "core/metrics.hpp"

#include <functional>
#include <unordered_map>

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
  metrics::counter& shed; ///< Not asked, as too much was; nobody knows then.
};

/// A closed tracker looks into its node's copy of the registry, which has what another node
/// acknowledged some milliseconds later, and while it has lost sight of etcd not at all. So before
/// an edge refuses a hash it asks the registry shard that would have it, on whatever node. Who asks
/// for a hash that is being asked for is not refused by that answer, which may be older than the
/// question: all of them together wait for the next one.
///
/// Belongs to the port's thread. Bounded: limits::edge_inquiries_max hashes at once, and so many
/// who wait for each on average; beyond, nobody knows. An inquiry ends in vain after
/// defaults::request_timeout.
class edge_inquiry {
public:
  static constexpr size_t waiting_max = 16 * limits::edge_inquiries_max;

  using listener = std::function<void(inquiry_outcome)>;

  /// @param port, desk outlive it.
  edge_inquiry(edge_port& port, inquiry_desk& desk) : port_{port}, desk_{desk} {}

  /// Only then the hash may be asked for; counts it if there is none.
  bool has_room(const info_hash& swarm);

  /// @param then called once, on the port's thread, unless the port ends before.
  void ask(const info_hash& swarm, listener then);

  /// Announces if it is registered, or tells the sink that it is not.
  void announce(announce_request req, announce_sink& sink);

private:
  /// Who waits for what is said of a hash.
  struct inquiry {
    std::vector<listener> asked;
    std::vector<listener> later; ///< Came when it had been asked.
  };

  void send(const info_hash& swarm);
  void answer(const info_hash& swarm, const result<registry_entry>& found);
  inquiry_outcome judge(const info_hash& swarm, const result<registry_entry>& found) const;

  edge_port& port_;
  inquiry_desk& desk_;
  std::unordered_map<info_hash, inquiry> open_;
  size_t waiting_ = 0;
};

} // namespace shoal
