// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/publication.hpp"

#include <string_view>

/// What somebody wants to publish, as a request says it. Pure.
namespace shoal::http {

/// @param body `{"kind","publisher","license","category","tags","description","private","gated",
/// "files":[{"path","size","sha256"}],"torrents":[{"format","object"}]}`; only `files` and
/// `torrents` are required.
/// @errors ec::invalid_argument, ec::missing_argument, ec::too_large, each naming the field.
result<publication> read_publication(const model_id& id, std::string_view rev,
                                     std::string_view body);

} // namespace shoal::http
