// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "cluster/replica_copy.hpp"

namespace shoal::cluster {

/// Where a data key stands: in its table, or somewhere that this program does not know.
struct data_key {
  table where;
  std::string_view key;

  bool operator==(const data_key&) const = default;
};

/// @param below what follows "shoal/data/". @returns nothing for tables that are not shared or not
/// known, and for keys that no copy can hold.
std::optional<data_key> parse_data_key(std::string_view below);

/// What a copy lacks of a range that is read page by page: puts of what is other there, erasures of
/// what is gone.
class copy_diff {
public:
  /// @param prefix_bytes of the keys, before "TABLE/KEY". @param copy outlives this.
  copy_diff(const replica_copy& copy, size_t prefix_bytes) : copy_{copy}, prefix_{prefix_bytes} {}

  /// Begins again.
  void clear();

  /// The next page, in order.
  result<void> add(std::span<const coordination::key_value> page);

  /// There are no more pages.
  result<void> finish();

  /// What has been found since this was last asked.
  std::vector<replicated> take();

  size_t bytes() const { return bytes_; }

  bool keeps_erased = false; ///< Broken on purpose: see `flaw::copy_keeps_erased`.

private:
  using rows = std::span<const coordination::key_value>;

  result<void> merge(table where, rows page, std::string_view upto);
  void put(table where, const coordination::key_value& row);
  std::string_view below(const coordination::key_value& kv) const {
    return std::string_view(kv.key).substr(prefix_);
  }

  const replica_copy& copy_;
  size_t prefix_;
  std::string read_to_; // "TABLE/KEY" of the last row so far.
  std::vector<replicated> found_;
  size_t bytes_ = 0;
};

} // namespace shoal::cluster
