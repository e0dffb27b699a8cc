// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "protocol/query.hpp"

/// Hugging Face's lists of files and of commits.
namespace shoal::http {

/// GET /api/{kind}s/{id}/tree/{rev}/{path}. @errors EntryNotFound.
task<hub_reply> tree_page(exchange& ex, hub_place place, query_params params);

/// POST /api/{kind}s/{id}/paths-info/{rev}: what there is of the paths asked for.
task<hub_reply> paths_info(exchange& ex, hub_place place);

/// GET /api/{kind}s/{id}/commits/{rev}: those that lead to the revision, the latest first. What was
/// published, not committed, is one commit without a parent.
task<hub_reply> commit_page(exchange& ex, hub_place place, query_params params);

/// The revision's commit as lists show it.
hub_commit note_of(const hub_place& place, std::string author);

} // namespace shoal::http
