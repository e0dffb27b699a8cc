// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

#include <optional>
#include <string>

namespace shoal::http {

/// @returns the `passkey` parameter of the query if it is valid, else nothing in it: for links.
std::string passkey_of_query(const exchange& ex);

/// @returns the user whose passkey is the request's bearer token.
std::optional<std::string> user_of_token(const exchange& ex);

/// Whether the request may have a private torrent: it needs the registry key or a passkey as soon
/// as one of them is configured.
bool may_have_private(const exchange& ex);

} // namespace shoal::http
