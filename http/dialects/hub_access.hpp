// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "http/dialects/hub_answer.hpp"
#include "http/dialects/hub_path.hpp"
#include "http/exchange.hpp"

#include <memory>

/// How the handlers of Hugging Face's dialect find what a path names. A revision's commit is made
/// from its manifest; "main" is the revision of that name, else the latest.
namespace shoal::http {

/// A revision that was found, and where in it the path leads.
struct hub_place {
  revision what;
  std::shared_ptr<const manifest> files;
  std::string commit;     ///< 40 digits.
  std::string path;       ///< Empty: the whole revision.
  bool is_pinned = false; ///< It was asked for by its commit, so it will never be another.
  /// An origin has it and nobody has published it here: only what git says of its files is true.
  bool is_elsewhere = false;
};

/// The revision has no such file; of a name that moves, this node may not know the last one yet.
hub_error no_entry(const exchange& ex, const hub_place& where);

/// @returns whom the query is for: private revisions need what `may_have_private` says.
repository_query query_of(const exchange& ex, std::string id, std::string kind);

/// @returns the latest revisions of a repository. @errors RepoNotFound.
task<hub_result<revision_list>> find_repository(exchange& ex, std::string id, std::string kind);

/// @returns the reading whose repository there is, else the first one.
/// @errors 404 without a name if there is no reading.
task<hub_result<hub_path>> choose_reading(exchange& ex, std::string kind,
                                          std::vector<hub_path> readings);

/// Finds the revision that a path names; one without `rest` means "main".
/// @param kind "model", "dataset" or "space".
/// @errors RepoNotFound, RevisionNotFound, and what is wrong with this node.
task<hub_result<hub_place>> find_place(exchange& ex, std::string kind, hub_path where);

/// @errors ec::corrupt if the manifest is gone or damaged.
task<result<sha1_digest>> commit_of(exchange& ex, revision what);

/// @returns the trees of a revision, from the cache if they are there. @param digest of `files`.
task<std::shared_ptr<const git_snapshot>> load_snapshot(exchange& ex, sha256_digest digest,
                                                        std::shared_ptr<const manifest> files);

/// Sends an answer with the headers of this dialect.
task<> send_hub(exchange& ex, hub_reply reply, hub_body form);

} // namespace shoal::http
