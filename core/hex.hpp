// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// @returns two lower-case hexadecimal digits per byte.
std::string to_hex(std::span<const uint8_t> bytes);

/// Decodes exactly `out.size()` bytes; digits of either case.
/// @returns false, with `out` unspecified, if `text` has another length or a foreign character.
bool from_hex(std::string_view text, std::span<uint8_t> out);

/// Views the bytes of a string, for hashing and storing.
inline std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Views bytes as characters, for writing to strings and sockets.
inline std::string_view as_chars(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace shoal
