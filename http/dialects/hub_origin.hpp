// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"

/// Files that a hub upstream has and this registry does not.
namespace shoal::http {

/// Whether a question that the registry cannot answer is one for the origins: about a repository
/// that nobody has published here, or a revision of it that is not here.
task<bool> is_for_origin(exchange& ex, std::string kind, std::string id, hub_error why);

/// As `find_place`, but a revision that is not here may be an origin's; or, if that does not say
/// what "main" is, the commit that came last.
task<hub_result<hub_place>> find_place_anywhere(exchange& ex, std::string kind, hub_path where);

/// Answers with a file of an origin, or with what the origin says instead.
/// @param why what the registry has said; sent if no origin can be asked.
/// @returns nothing; or, if the origin does not say what "main" is, where that was the last time:
/// in a mirror that is here. Then nothing was sent.
task<std::optional<hub_path>> send_hub_origin(exchange& ex, std::string kind, hub_path where,
                                              hub_error why);

} // namespace shoal::http
