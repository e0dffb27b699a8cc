// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/origin_names.hpp"
#include "http/dialects/stored_bytes.hpp"

/// Files that come from an origin while they are read.
namespace shoal::http {

/// Asks what the origins have under a name. @errors ec::unsupported (none is asked for it),
/// ec::unavailable, ec::timeout, ec::busy.
task<result<origin_file>> find_at_origin(exchange& ex, origin_name name);

/// Answers with a file that is not here yet: from its origin, once for all who read it at all nodes
/// of the cluster, or from here or another node if it has come meanwhile.
/// @param found what is known of it.
task<> send_pulled(exchange& ex, origin_name name, origin_record found, stored_bytes what);

/// Answers with a file of a revision: from here, from another node of the cluster, else from an
/// origin if one may be asked.
task<> send_file_of(exchange& ex, origin_name name, const manifest_file& file, stored_bytes what);

/// Whether an origin may be asked about a model.
bool may_come_from_origin(const exchange& ex, std::string_view id);

/// Whether only private revisions of a model are here: that there is such a model is nobody's
/// business at an origin either.
task<bool> is_secret_here(exchange& ex, std::string kind, std::string id);

/// @returns the tag of a file that an origin has described: the same before and after it came.
std::string etag_of(const origin_record& what);

} // namespace shoal::http
