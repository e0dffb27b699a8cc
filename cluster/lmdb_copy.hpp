// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replica_copy.hpp"
#include "persistence/lmdb_store.hpp"

namespace shoal::cluster {

/// What a node's store holds, for whoever starts on it.
struct store_state {
  enum class kind : uint8_t {
    empty,  ///< No registry: fit for anything.
    single, ///< The registry of a single node.
    moving, ///< That too, but a part of it is in etcd: see migration_into_etcd.
    copy,   ///< The copy of a cluster's registry, or as much as there is of it.
  };
  kind is = kind::empty;
  std::string cluster; ///< Whose copy it is.
  copy_position at;    ///< How far the copy is.
};

/// @errors as lmdb_store::get; ec::corrupt: it cannot be told.
result<store_state> copy_state(const lmdb_store& store);

/// Whether a single node may start on such a store. @errors ec::conflict, and what to do.
result<void> may_start_alone(const store_state& x);

/// Whether a node of that cluster may. @errors ec::conflict, and what to do.
result<void> may_start_in(const store_state& x, const std::string& cluster);

/// Names the registry while it is moved, in `meta`.
inline constexpr std::string_view migration_source_key = "migration.source";

/// A replica's copy in the node's LMDB store, which is read as on a single node: versions are
/// etcd's mod revisions. The position is a key of `meta`, written in the same transaction.
class lmdb_copy final : public replica_copy {
public:
  /// @param store outlives this; nobody else writes its shared tables.
  explicit lmdb_copy(lmdb_store& store) : store_{store} {}

  result<std::string> origin() const override;
  result<void> adopt(const std::string& cluster) override { return adopt(cluster, {}); }

  /// The same for a store that holds the registry already, if not its versions.
  result<void> adopt(const std::string& cluster, const copy_position& at);

  /// A damaged one counts as none.
  result<copy_position> position() const override;
  result<void> apply(std::span<const replicated> changes, const copy_position& after) override;

  result<void> visit(table where, std::string_view first, const visitor& visit) const override;

  /// What is there is no copy any more: the node goes on alone.
  result<void> forget_origin();

private:
  result<void> write(std::vector<mutation> all);

  lmdb_store& store_;
};

} // namespace shoal::cluster
