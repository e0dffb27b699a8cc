// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/query.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Hugging Face's lists are asked, and which part of a tree answers it. Pure.
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

struct models_ask {
  browse_models page;              ///< `limit` is that of one answer.
  std::vector<std::string> tags;   ///< All of them must be there.
  std::vector<std::string> fields; ///< Empty: the usual ones.
  bool by_downloads = false;       ///< The catalog does not know that order.
  bool with_commit = false;
  bool with_files = false;
};

/// Reads search, author, filter, pipeline_tag, library, sort, direction, limit, full, expand and
/// cursor. Names of sorting that mean nothing here (likes) are as good as absent.
/// @errors ec::invalid_argument.
result<models_ask> read_models_ask(const query_params& params, std::string kind);

/// Names the place behind a model.
std::string cursor_behind(model_order order, const revision& last);

/// @returns the query of the next page: the raw query of this one with another cursor.
std::string next_query(std::string_view query, std::string_view cursor);

/// Whether all wanted tags are among the tags.
bool has_tags(const std::vector<std::string>& tags, const std::vector<std::string>& wanted);

} // namespace shoal::http
