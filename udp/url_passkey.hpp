// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace shoal::udp {

/// Finds the passkey in the URL that a client announces to: "/announce/PASSKEY" or, else, a
/// parameter "passkey" of its query. @source BEP 41 "URLData", Weightless "Passkeys".
/// @returns it decoded; empty if there is none, a bad escape in it, or it is longer than
/// limits::passkey_bytes_max.
std::string passkey_of_url(std::string_view url);

} // namespace shoal::udp
