// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// Makes the passkey of a user: user_id + "." + lower-case hex of HMAC-SHA256(secret, user_id).
/// @param secret the tracker's secret; must not be empty, or anybody could sign.
/// @param user_id 1..limits::user_id_bytes_max bytes, dots allowed, no control characters.
/// @errors ec::invalid_argument.
/// @source Weightless PASSKEY_AUTH (TRACKER_SECRET).
result<std::string> make_passkey(std::string_view secret, std::string_view user_id);

/// Checks a passkey (already percent-decoded) against the current secret and those before it. The
/// time taken does not depend on how much of the signature is right, nor on which secret matches.
/// @returns the user id, split off at the *last* dot.
std::optional<std::string> verify_passkey(std::span<const std::string> secrets,
                                          std::string_view passkey);

} // namespace shoal
