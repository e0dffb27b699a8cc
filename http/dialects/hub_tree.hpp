// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "protocol/query.hpp"

/// Hugging Face's lists of files.
namespace shoal::http {

/// Which part of a tree is wanted.
struct tree_ask {
  bool recursive = false;
  bool expand = false;
  uint32_t limit = 0;
  std::string cursor; ///< Key of the first entry wanted; empty: from the beginning.
};

/// @errors ec::invalid_argument for a limit that is no number from 1.
result<tree_ask> read_tree_ask(const query_params& params);

/// A page of entries, by their indexes in the snapshot.
struct tree_list {
  std::vector<size_t> entries;
  std::string next; ///< The cursor of the page behind it; empty: there is none.
};

/// @param folder its path; empty: the root. @returns nothing if there is no such folder.
std::optional<tree_list> list_tree(const manifest& m, const git_snapshot& snapshot,
                                   std::string_view folder, const tree_ask& ask);

/// Paths that a client asks about.
struct paths_ask {
  std::vector<std::string> paths;
  bool expand = false;
};

/// @param body a form (`paths=a&paths=b&expand=False`) or JSON (`{"paths": [...], "expand"}`).
/// @errors ec::invalid_argument, ec::too_large.
result<paths_ask> read_paths_ask(std::string_view content_type, std::string_view body);

/// GET /api/{kind}s/{id}/tree/{rev}/{path}. @errors EntryNotFound.
task<hub_reply> tree_page(exchange& ex, hub_place place, query_params params);

/// POST /api/{kind}s/{id}/paths-info/{rev}: what there is of the paths asked for.
task<hub_reply> paths_info(exchange& ex, hub_place place);

/// The revision's commit as lists show it.
hub_commit note_of(const hub_place& place, std::string author);

} // namespace shoal::http
