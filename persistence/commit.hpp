// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a commit store is asked: a list of conditions and, if they all hold, a list of writes. The
/// shape is an etcd transaction (guards compare mod revisions), so that LMDB and etcd are two
/// engines of one contract.
namespace shoal {

/// A condition on one key.
struct guard {
  table where = table::meta;
  std::string key;       ///< 1..limits::store_key_bytes_max bytes.
  uint64_t revision = 0; ///< 0: the key must not exist; else its mod revision must be equal.

  bool operator==(const guard&) const = default;
};

/// A write to one key. Several to the same key in one request happen in their order.
struct mutation {
  table where = table::meta;
  std::string key;                  ///< 1..limits::store_key_bytes_max bytes.
  std::optional<std::string> value; ///< Nothing erases; at most limits::record_bytes_max bytes.

  bool operator==(const mutation&) const = default;
};

/// All of the mutations happen if all of the guards hold; else none of them does.
struct commit_request {
  std::vector<guard> guards;
  std::vector<mutation> mutations;

  bool operator==(const commit_request&) const = default;
};

/// A value and the revision of the commit that wrote it (never 0).
struct versioned {
  std::string value;
  uint64_t revision = 0;

  bool operator==(const versioned&) const = default;
};

/// A key as another store holds it.
struct replicated {
  table where = table::meta;
  std::string key;                  ///< 1..limits::store_key_bytes_max bytes.
  std::optional<std::string> value; ///< Nothing: it is erased.
  uint64_t revision = 0;            ///< There, of the write.

  bool operator==(const replicated&) const = default;
};

} // namespace shoal
