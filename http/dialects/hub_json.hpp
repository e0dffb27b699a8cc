// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "protocol/git_identity.hpp"

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>

/// The JSON of Hugging Face's API, apart from the handlers so that it can be tested without a node.
/// Nothing here ever speaks of Xet: clients would leave us for it.
namespace shoal::http {

/// "2026-01-21T03:45:36.000Z", as clients parse it.
std::string hub_time(unix_seconds at);

/// A commit as lists of commits and of files show it.
struct hub_commit {
  std::string id; ///< 40 digits.
  std::string title;
  unix_seconds at = 0;
  std::string author;
};

nlohmann::json commit_json(const hub_commit& commit);

/// A file or folder in a tree. @param last shown if the client asked for details; may be null: as
/// nobody knows an older one, it is the revision's own.
nlohmann::json entry_json(const manifest& m, const git_entry& entry, const hub_commit* last);

/// @param blobs with sizes and names of blobs.
nlohmann::json siblings_json(const manifest& m, bool blobs);

/// What is known of a repository at one revision.
struct hub_repository {
  const revision& what;
  const registry_entry* entry = nullptr; ///< Null: nobody could say.
  std::string commit = {};               ///< Empty: not asked for.
  const manifest* files = nullptr;       ///< Null: not asked for.
  bool blobs = false;
};

nlohmann::json repository_json(const hub_repository& x);

/// Removes what was not asked for, but for the ids. @param wanted empty: all is wanted.
void keep_only(nlohmann::json& doc, std::span<const std::string> wanted);

/// @returns the tags that a repository shows: its own, its category and its licence.
std::vector<std::string> tags_of(const registry_entry& entry);

/// A revision and its commit.
struct named_commit {
  std::string name;
  std::string commit;
};

/// @param main what "main" stands for. @param tags all revisions that are not called "main".
nlohmann::json refs_json(const std::string& main, std::span<const named_commit> tags,
                         bool with_pull_requests);

/// What /api/whoami-v2 says of a user of this registry.
nlohmann::json account_json(const std::string& name, bool may_write);

} // namespace shoal::http
