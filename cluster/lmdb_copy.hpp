// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replica_copy.hpp"
#include "persistence/lmdb_store.hpp"

namespace shoal::cluster {

/// A replica's copy in the node's LMDB store, which is read as on a single node: versions are
/// etcd's mod revisions. The position is a key of `meta`, written in the same transaction.
class lmdb_copy final : public replica_copy {
public:
  /// @param store outlives this; nobody else writes its shared tables.
  explicit lmdb_copy(lmdb_store& store) : store_{store} {}

  result<copy_position> position() const override;
  result<void> apply(std::span<const replicated> changes, const copy_position& after) override;

  /// Damaged values count as absent, so that they are written anew.
  result<void> visit(table where, std::string_view first, const visitor& visit) const override;

  /// What is there is no copy any more: the node goes on alone.
  result<void> forget_position();

private:
  lmdb_store& store_;
};

} // namespace shoal::cluster
