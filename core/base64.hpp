// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// Decodes base64 of the standard or the URL alphabet, padded or not; line breaks are skipped.
/// @returns nothing for any other character, padding elsewhere than at the end, a length that
/// encodes no bytes, or bits beyond the last byte that are not zero. @source RFC 4648.
std::optional<std::string> base64_decode(std::string_view text);

/// Appends the base64 of `bytes`: the standard alphabet, padded. @source RFC 4648 section 4.
void base64_append(std::string& out, std::string_view bytes);

} // namespace shoal
