// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "protocol/query.hpp"

/// Hugging Face's lists of files.
namespace shoal::http {

/// GET /api/{kind}s/{id}/tree/{rev}/{path}. @errors EntryNotFound.
task<hub_reply> tree_page(exchange& ex, hub_place place, query_params params);

/// POST /api/{kind}s/{id}/paths-info/{rev}: what there is of the paths asked for.
task<hub_reply> paths_info(exchange& ex, hub_place place);

/// The revision's commit as lists show it.
hub_commit note_of(const hub_place& place, std::string author);

} // namespace shoal::http
