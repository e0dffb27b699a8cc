// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/lmdb_store.hpp"
#include "persistence/origin_record.hpp"

namespace shoal {

/// What a node has learned of the files that origins have, so that a restart, or an origin that is
/// down, does not make it forget them. An LMDB environment of its own, which may be thrown away.
/// From any thread; changes wait for the disk.
class origin_book {
public:
  /// @errors as `lmdb_store::open`. One that is damaged is removed and begun anew.
  static result<std::unique_ptr<origin_book>> open(const std::filesystem::path& folder,
                                                   bool sync = true);

  /// @param name of a file, whatever the caller makes it of.
  /// @returns nothing if it is unknown, or its record damaged.
  std::optional<origin_record> find(std::string_view name) const;

  /// @errors ec::storage_full, ec::storage_failed.
  result<void> put(std::string_view name, const origin_record& what);

private:
  origin_book() = default;

  std::unique_ptr<lmdb_store> store_;
  std::mutex mutex_; ///< Of changes.
};

} // namespace shoal
