// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"

#include <map>

/// How models look as repositories with names for their revisions. Pure: the catalog has the map.
namespace shoal {

/// By id; revisions oldest first.
using model_map = std::map<std::string, std::vector<revision>>;

/// The branch that every repository has.
inline constexpr std::string_view main_branch = "main";

/// @returns the revision that "main" stands for: the one of that name, else the latest; never a
/// mirror. Null if the asker may see none of that kind.
const revision* main_of(const std::vector<revision>& revisions, std::string_view kind,
                        bool with_private);

resolved_name resolve(const model_map& models, const resolve_name& ask);

revision_list revisions_of(const model_map& models, const repository_query& ask);

/// Looks at every model. @returns at most `ask.limit` models in the order asked for.
model_page browse(const model_map& models, const browse_models& ask);

/// Looks at every revision. @returns the latest ones, latest first.
model_page latest_of_all(const model_map& models, const recent_revisions& ask);

} // namespace shoal
