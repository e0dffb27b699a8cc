// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/router.hpp"

namespace shoal::http {

/// @returns the bearer token, empty if there is none. One in the form of Hugging Face's tokens,
/// which some of its clients insist on, is "hf_" and the token proper in hexadecimal digits.
std::string bearer_token(const exchange& ex);

/// @returns whether the request carries the registry key (or none is configured). It may come as
/// `X-Weightless-Key` or as a bearer token.
bool has_registry_key(const exchange& ex);

/// @returns whether the request's bearer token is a configured key, of the registry or the admin.
bool has_key_as_token(const exchange& ex);

/// @returns whether the request carries the admin key; false if none is configured. It may come as
/// `X-Weightless-Key` or as a bearer token.
bool has_admin_key(const exchange& ex);

bool may_use(const exchange& ex, access who);

/// Takes a token from the client's bucket. @returns false if there was none.
bool within_rate(const exchange& ex);

} // namespace shoal::http
