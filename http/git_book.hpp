// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "http/digest_cache.hpp"
#include "protocol/git_identity.hpp"

#include <string>

namespace shoal::http {

/// What is known of revisions as git knows them. All of it can be made again from manifests.
struct git_book {
  digest_cache<git_snapshot> snapshots{limits::cached_git_entries_max}; ///< By manifest.
  digest_cache<sha1_digest> commits{limits::cached_commits_max};        ///< By manifest.

  /// The name that a revision had when its commit was asked for last: by `key_of`. A hint, as
  /// revisions come and go.
  digest_cache<std::string> names{limits::cached_commits_max};

  static sha256_digest key_of(std::string_view id, std::string_view commit) {
    return sha256(std::string{id}.append("@").append(commit));
  }
};

} // namespace shoal::http
