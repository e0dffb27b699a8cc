// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "protocol/digest.hpp"
#include "protocol/manifest.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What a revision would be called if it were a commit of a git repository with Git LFS, as hubs
/// of models keep them: nobody needs git for it, and git would come to the same names.
namespace shoal {

/// @returns the name of a blob with these bytes. @source git hash-object
sha1_digest git_blob_id(std::string_view bytes);

/// @returns the text that stands in the repository for a big file. @source git-lfs spec
std::string lfs_pointer(const sha256_digest& sha256, uint64_t size_bytes);

/// Whether a file of this name and size goes to LFS whatever is in it: it is larger than
/// limits::git_blob_bytes_max, or its name ends like weights, archives and media do.
/// @source the .gitattributes of new repositories at Hugging Face
bool is_kept_by_lfs(std::string_view path, uint64_t size_bytes);

/// Whether git takes these bytes for a text: no NUL near their beginning.
/// @source git buffer_is_binary
bool is_git_text(std::string_view bytes);

/// @returns the blob that stands for the file: its bytes, or the pointer to them. A file whose
/// bytes nobody has named (`git_blob`) is in LFS.
sha1_digest git_blob_of(const manifest_file& file);

/// A file or a folder of a snapshot.
struct git_entry {
  /// A file of the manifest: this one, or one that is in this folder.
  uint32_t file = 0;
  /// How much of the file's path is this entry's: a folder's ends with its slash.
  uint32_t path_bytes = 0;
  sha1_digest id; ///< Of the blob, or of the tree.

  bool operator==(const git_entry&) const = default;
};

/// All trees of a revision and its commit. Without a parent, at the beginning of time and with a
/// message that names the model: equal files of a model are the same commit, wherever and whenever
/// they were published and whatever the revision is called.
struct git_snapshot {
  /// In git's order: each folder stands before what is in it.
  std::vector<git_entry> entries;
  sha1_digest root;
  sha1_digest commit;

  /// The entry's path with the slash of a folder at its end. @param m of which this was made.
  static std::string_view key(const manifest& m, const git_entry& entry);

  static bool is_folder(const manifest& m, const git_entry& entry);

  /// @returns the file or the folder (named without a slash), or null. Binary search.
  const git_entry* find(const manifest& m, std::string_view path) const;

  /// @returns the index of the first entry whose key is not less than `key`.
  size_t lower_bound(const manifest& m, std::string_view key) const;

  /// @returns the index behind an entry and, if it is a folder, all that is in it.
  size_t next_sibling(const manifest& m, size_t index) const;
};

/// The message of a revision's commit, without the line break at its end.
std::string git_commit_message(const model_id& id);

/// What a commit says besides its tree.
struct git_note {
  std::optional<sha1_digest> parent;
  unix_seconds at = 0;
  std::string message; ///< Without the line break at its end.
};

/// @returns the name of the commit, by and of "Shoal <shoal@localhost>". @param root its tree.
sha1_digest git_commit_id(const sha1_digest& root, const git_note& note);

/// @returns the `.gitattributes` that says what `is_kept_by_lfs` does, size aside.
std::string git_attributes();

/// Names everything. Slow for many files: run it on the disk pool. @param m valid.
git_snapshot take_snapshot(const manifest& m);

/// @returns whether `text` is a commit's full name, 40 digits in lower case.
bool is_commit_id(std::string_view text);

/// The commit that the revision shows itself as. A revision that is named like a commit is that
/// commit: it was taken over from a place that gave it the name.
sha1_digest commit_of(const manifest& m, const git_snapshot& snapshot);

} // namespace shoal
