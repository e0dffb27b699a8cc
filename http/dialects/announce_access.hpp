// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

#include <span>
#include <string>
#include <string_view>

namespace shoal::http {

/// Answers to tracker requests without a good passkey. @source Weightless, "Passkeys".
inline constexpr std::string_view passkey_wrong = "Unauthorized";
inline constexpr std::string_view passkey_missing
    = "Unauthorized: Passkey required in path (/announce/ID.SIG)";

/// Who may announce and scrape. Without a secret everybody may: a passkey is ignored then, as
/// nothing vouches for the user that it names.
/// @param passkey decoded, empty if there is none.
/// @returns the account to book traffic on, empty for nobody's.
/// @errors ec::unauthorized, whose detail is the failure reason.
result<std::string> check_passkey(std::span<const std::string> secrets, std::string_view passkey);

/// @returns the `passkey` parameter of the query if it is valid, else nothing in it: for links.
std::string passkey_of_query(const exchange& ex);

/// Whether the request may have a private torrent: it needs the registry key or a passkey as soon
/// as one of them is configured.
bool may_have_private(const exchange& ex);

} // namespace shoal::http
