// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/range_witness.hpp"
#include "core/error.hpp"
#include "persistence/commit.hpp"

#include <array>
#include <functional>
#include <span>

namespace shoal::cluster {

/// The tables that a cluster shares, in the order of their names, as etcd's keys have it. `meta` is
/// each node's own.
inline constexpr std::array shared_tables{table::acceptances, table::aliases, table::blocked,
                                          table::entries,     table::refs,    table::users};

/// How far a copy is.
struct copy_position {
  uint64_t revision = 0;   ///< Of etcd: all up to it is in the copy, if that is complete.
  bool complete = false;   ///< Else it is a mixture that must not be read.
  range_witness witness{}; ///< What etcd must have, if this is to be gone on from.

  bool operator==(const copy_position&) const = default;
};

/// Where a replica keeps what it knows. It outlives the process.
class replica_copy {
public:
  /// @returns whether to go on.
  using visitor = std::function<bool(std::string_view key, uint64_t revision)>;

  virtual ~replica_copy() = default;

  /// @returns the id of the cluster that this is a copy of; empty: it is none yet.
  virtual result<std::string> origin() const = 0;

  /// From now on it is a copy of that cluster, without a position yet.
  virtual result<void> adopt(const std::string& cluster) = 0;

  /// @returns {0, false} if there is none yet, or it cannot be read.
  virtual result<copy_position> position() const = 0;

  /// Changes and position become durable together or not at all.
  virtual result<void> apply(std::span<const replicated> changes, const copy_position& after) = 0;

  /// Visits the keys of a table from `first` on, in order, with their mod revisions in etcd.
  /// Those of damaged values too, with a revision of 0.
  virtual result<void> visit(table where, std::string_view first, const visitor& visit) const = 0;
};

} // namespace shoal::cluster
