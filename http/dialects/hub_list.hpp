// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "protocol/query.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What /api/models and its siblings are asked. Pure.
namespace shoal::http {

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
