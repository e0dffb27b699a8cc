// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// The texts that a node serves about itself; cmake/embed.cmake puts them into the program.
namespace shoal::http::site {

/// http/site/index.html: the dashboard.
std::string_view dashboard();

/// docs/openapi.json.
std::string_view openapi_document();

/// @returns a Content-Security-Policy that lets a page run the scripts and styles written in it and
/// nothing else: each is named by its SHA-256. The page may ask its own server only.
/// @source CSP Level 3 section 2.3.1 "hash-source".
std::string content_security_policy(std::string_view html);

} // namespace shoal::http::site
