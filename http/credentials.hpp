// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/router.hpp"

namespace shoal::http {

/// @returns whether the request carries the registry key (or none is configured).
bool has_registry_key(const exchange& ex);

/// @returns whether the request carries the admin key; false if none is configured. It may come as
/// `X-Weightless-Key` or as a bearer token.
bool has_admin_key(const exchange& ex);

bool may_use(const exchange& ex, access who);

/// Takes a token from the client's bucket. @returns false if there was none.
bool within_rate(const exchange& ex);

} // namespace shoal::http
