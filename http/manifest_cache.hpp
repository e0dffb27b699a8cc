// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "protocol/manifest.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace shoal::http {

/// The manifests that were read last, because web seed clients ask for 16 KiB at a time. Manifests
/// are immutable and named by their hash, so nothing here ever goes stale. Thread-safe.
class manifest_cache {
public:
  using item = std::shared_ptr<const manifest>;

  /// @param files_max bound on the files of all manifests together: it is they that take memory,
  /// about 200 bytes each.
  explicit manifest_cache(size_t files_max = limits::cached_manifest_files_max)
      : files_max_{files_max} {}

  /// @returns null if the manifest is not here.
  item find(const sha256_digest& digest);

  /// Forgets those that were not asked for the longest time until the new one fits. One that is
  /// larger than the whole cache is not kept.
  void put(const sha256_digest& digest, item made);

  /// Files of all manifests kept.
  size_t files() const;

private:
  using entry = std::pair<sha256_digest, item>;

  size_t files_max_;
  mutable std::mutex mutex_;
  std::list<entry> entries_; // Last used first.
  std::unordered_map<sha256_digest, std::list<entry>::iterator> places_;
  size_t files_ = 0;
};

} // namespace shoal::http
