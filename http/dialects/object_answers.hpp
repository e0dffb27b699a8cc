// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

namespace shoal::http {

/// @returns the object that the path names. @errors ec::invalid_argument.
result<sha256_digest> digest_of(const exchange& ex);

/// "It is here." @param status 200 if it was before, else 201.
response stored(unsigned status, const sha256_digest& digest, uint64_t size_bytes);

/// The answer about an object that is not here: how much of it has been uploaded, if that was
/// begun.
task<response> missing_object(exchange& ex, sha256_digest object, error why);

/// Says what went wrong with an object that was to be stored, and logs it if that is our trouble.
task<> refuse_object(exchange& ex, error why);

} // namespace shoal::http
