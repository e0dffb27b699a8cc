// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "protocol/model_id.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace shoal::get {

/// What Hugging Face's clients call a revision and the bytes of its files.
struct hub_names {
  std::string commit;                       ///< 40 digits.
  std::map<std::string, std::string> etags; ///< Path -> 40 digits (git) or 64 (LFS).
};

/// A repository in the cache that Hugging Face's clients share:
///
///     models--NS--NAME/blobs/ETAG                 the bytes
///     models--NS--NAME/snapshots/COMMIT/PATH      a link to ../../blobs/ETAG
///     models--NS--NAME/refs/REV                   the commit's name
///
/// @source huggingface_hub "Understand caching", huggingface.js `downloadFileToCacheDir`
class hub_cache {
public:
  /// @param kind "model", "dataset" or "space".
  hub_cache(const std::filesystem::path& cache, std::string_view kind, const model_id& id);

  /// Where Hugging Face's clients of this user look: HF_HUB_CACHE, HF_HOME/hub,
  /// XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub.
  static std::filesystem::path default_folder();

  /// The repository's own folder.
  const std::filesystem::path& root() const { return root_; }

  std::filesystem::path blob(std::string_view etag) const { return root_ / "blobs" / etag; }
  std::filesystem::path snapshot(std::string_view commit) const {
    return root_ / "snapshots" / commit;
  }

  /// Has a file of the snapshot be that blob. What was there is replaced.
  /// @param path see `is_safe_path`. @errors ec::storage_failed
  result<void> link(std::string_view commit, std::string_view path, std::string_view etag) const;

  /// Has a branch or tag name the commit. @errors ec::storage_failed
  result<void> write_ref(std::string_view rev, std::string_view commit) const;

private:
  std::filesystem::path root_;
};

} // namespace shoal::get
