// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "http/digest_cache.hpp"
#include "protocol/manifest.hpp"

namespace shoal::http {

/// The manifests that were read last, because web seed clients ask for 16 KiB at a time. Manifests
/// are immutable and named by their hash, so nothing here ever goes stale.
class manifest_cache {
public:
  using item = std::shared_ptr<const manifest>;

  /// @param files_max bound on the files of all manifests together: it is they that take memory,
  /// about 200 bytes each.
  explicit manifest_cache(size_t files_max = limits::cached_manifest_files_max)
      : kept_{files_max} {}

  /// @returns null if the manifest is not here.
  item find(const sha256_digest& digest) { return kept_.find(digest); }

  /// See digest_cache.
  void put(const sha256_digest& digest, item made) {
    auto weight = made->files.size();
    kept_.put(digest, std::move(made), weight);
  }

  /// Files of all manifests kept.
  size_t files() const { return kept_.weight(); }

private:
  digest_cache<manifest> kept_;
};

} // namespace shoal::http
