// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_change.hpp"

/// Commits of Hugging Face's dialect. Revisions never change, so each commit is a revision of its
/// own, named by the commit, and "main" is the latest one.
namespace shoal::http {

/// What a commit is made on top of, and for whom.
struct hub_base {
  model_id id;
  std::string kind;
  bool is_private = false;
  bool is_mirror = false;                ///< Its files are not kept, but pulled again.
  std::shared_ptr<const manifest> files; ///< Null: there is nothing yet.
  std::string rev;                       ///< The revision's name; empty if there is none.
  std::string commit;                    ///< 40 digits; empty if there is none.
  registry_entry about;                  ///< Licence, tags and the like, which go on.
};

/// A file that is put, whose object is stored, or something that is removed.
using hub_change = std::variant<manifest_file, hub_removal>;

struct hub_made {
  std::string commit;
  bool is_new = false; ///< False: the files are as they were, so there is no new commit.
};

/// Makes both torrents, stores all and registers the revision. Reads the files that are new, and
/// what follows the first change in the order of the v1 torrent: large files come first there.
/// @param at when the commit was made.
/// @errors ec::conflict: there is a newer commit on top of the same base; ec::not_found (what is to
/// be removed), ec::invalid_argument, ec::too_large, ec::unavailable (bytes that are at another
/// node), and those of storage.
task<result<hub_made>> make_commit(exchange& ex, hub_base base, std::vector<hub_change> changes,
                                   hub_commit_head note, unix_seconds at);

/// Stores a text and names it. Slow: run it on the disk pool.
result<manifest_file> store_text(object_store& objects, std::string path,
                                 const std::string& content);

} // namespace shoal::http
