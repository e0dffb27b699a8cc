// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// Decodes percent-escapes in one pass; the result may hold any byte, also NUL and '%'.
/// Unescaped bytes of every value stand for themselves, '+' stays '+'.
/// @returns nothing if a '%' is not followed by two hexadecimal digits.
/// @source RFC 3986 section 2.1.
std::optional<std::string> percent_decode(std::string_view text);

/// As `percent_decode`, with '+' for a space, as HTML forms and most REST clients write queries.
/// @source WHATWG URL, application/x-www-form-urlencoded.
std::optional<std::string> form_decode(std::string_view text);

/// As `percent_decode`, without allocating.
/// @returns the count of bytes written; nothing on a bad escape or if `out` is too small.
std::optional<size_t> percent_decode_into(std::string_view text, std::span<uint8_t> out);

/// Escapes everything but the unreserved characters (letters, digits, "-._~"), in upper case.
/// @source RFC 3986 section 2.3.
std::string percent_encode(std::string_view text);

/// As `percent_encode`, but keeps '/': for the path of a file inside a torrent or revision.
std::string percent_encode_path(std::string_view text);

} // namespace shoal
